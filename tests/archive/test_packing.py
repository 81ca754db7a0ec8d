"""The same commit gives the same archive, whoever packs it and where."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmark.archive.packing import read_commit
from benchmark.commands.archive import pack
from benchmark.errors import BenchmarkError

ROOT = Path(__file__).parents[2]
FILES = {"b/run": "#!/bin/sh\n", "a.txt": "one\r\ntwo\n", "ü.txt": "é", ".hidden": "", "b/empty": ""}
CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def git(root: Path, *arguments: str, **settings: str) -> None:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True, env={**os.environ, **settings})


def commit(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    (root / "b/run").chmod(0o755)
    git(root, "init", "-q")
    git(root, "add", "-A")
    date = "2026-11-27T12:00:01+02:00"
    git(root, "commit", "-qm", "all", GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    return root


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return commit(tmp_path / "one", {**FILES, "CITATION.cff": CITATION})


def packed_by_another(repository: Path, tmp_path: Path) -> Path:
    """The archive out of a clone elsewhere, by a process in other circumstances."""
    clone = tmp_path / "an other place"
    subprocess.run(["git", "clone", "-q", repository, clone], check=True)
    git(clone, "config", "core.autocrlf", "true")
    git(clone, "config", "tar.umask", "0077")
    (clone / "a.txt").write_text("edited and not committed")
    (clone / "untracked").write_text("")
    code = "import os, sys, pathlib; os.umask(0o077); from benchmark.commands.archive import pack; "
    code += "pack(pathlib.Path(), 'HEAD', pathlib.Path('../other.tar'))"
    settings = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=clone, env={**os.environ, **settings}, check=True)
    return tmp_path / "other.tar"


@pytest.mark.slow
def test_the_same_commit_gives_the_same_bytes(repository: Path, tmp_path: Path) -> None:
    path = pack(repository, "HEAD", tmp_path / "one.tar")
    assert path.read_bytes() == packed_by_another(repository, tmp_path).read_bytes()
    commit(repository, {"a.txt": "three\n"})
    assert path.read_bytes() != pack(repository, "HEAD", tmp_path / "two.tar").read_bytes()
    assert path.read_bytes() == pack(repository, "HEAD~1", tmp_path / "two.tar").read_bytes()


def test_names_are_sorted_and_nothing_of_the_machine_is_in_it(repository: Path) -> None:
    path = pack(repository, "HEAD", None)
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert archive.pax_headers == {}
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 1795773601)}
    modes = {member.name.partition("/")[2]: member.mode for member in members}
    assert modes["b/run"] == 0o755
    assert {mode for name, mode in modes.items() if name != "b/run"} == {0o644}


def test_tar_unpacks_it_and_sha256sum_finds_every_file_whole(repository: Path, tmp_path: Path) -> None:
    path = pack(repository, "HEAD", tmp_path / "one.tar")
    subprocess.run(["tar", "-xf", path], cwd=tmp_path, check=True)
    (folder,) = tmp_path.glob("icl-*")
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(check, cwd=folder, check=True)
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert there == {*FILES, "CITATION.cff", "ro-crate-metadata.json", "SHA256SUMS"}
    assert {name: (folder / name).read_bytes() for name in FILES} == {n: text.encode() for n, text in FILES.items()}
    (folder / "a.txt").write_bytes(b"one\ntwo\n")
    assert subprocess.run(check, cwd=folder, check=False, capture_output=True).returncode == 1


def test_without_git_or_that_commit_one_line_says_so(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"from a commit, and git says: .*no-such-branch"):
        read_commit(repository, "no-such-branch")
    with pytest.raises(BenchmarkError, match=r"from a commit, and git says: .*not a git repository"):
        read_commit(tmp_path)


def test_a_link_is_refused(repository: Path) -> None:
    (repository / "link").symlink_to("a.txt")
    commit(repository, {})
    with pytest.raises(BenchmarkError, match="link is a link"):
        read_commit(repository)
