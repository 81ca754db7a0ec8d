"""Files out of packages: exactly those named, whole or not at all, whatever the index does."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmark.errors import BenchmarkError
from benchmark.sources.packages import PackageFile, archive_size, fetch_member, is_cached, open_member
from tests.sources.package_index import PackageIndex, package_file, sdist, wheel

WHEEL = "some_pkg-1.0-py3-none-any.whl"
SDIST = "some_pkg-1.0.tar.gz"
DATA = os.urandom(300_000)


@pytest.fixture
def folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, as PIP_FIND_LINKS names one where there is no network."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return links


def test_a_file_of_a_folder_of_packages(folder: Path, cache: Path) -> None:
    content = wheel({"some_pkg/x.bin": DATA, "some_pkg/__init__.py": b"raise SystemExit('imported')"})
    (folder / WHEEL).write_bytes(content)
    source = package_file(WHEEL, content, "some_pkg/x.bin")
    assert not is_cached(source)
    assert archive_size(source) == len(content)
    path = fetch_member(source)
    assert path.read_bytes() == DATA
    assert is_cached(source)
    assert path.is_relative_to(cache)
    shutil.rmtree(folder)
    assert fetch_member(source) == path  # nothing is looked for again
    assert not list(cache.rglob("__init__.py"))
    assert "some_pkg" not in sys.modules
    with open_member(source) as stream:
        assert stream.read() == DATA


def test_nothing_of_an_sdist_is_run(folder: Path, tmp_path: Path) -> None:
    setup = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
    content = sdist({"some_pkg-1.0/setup.py": setup, "some_pkg-1.0/pyproject.toml": b"[", "some_pkg-1.0/x.txt": b"x"})
    (folder / SDIST).write_bytes(content)
    assert fetch_member(package_file(SDIST, content, "some_pkg-1.0/x.txt")).read_bytes() == b"x"
    assert not (tmp_path / "ran").exists()


def test_what_was_damaged_in_the_cache_is_made_anew(folder: Path) -> None:
    content = wheel({"some_pkg/x.bin": DATA, "some_pkg/y/z.txt": b"z"})
    (folder / WHEEL).write_bytes(content)
    source = package_file(WHEEL, content, "some_pkg/x.bin")
    path = fetch_member(source)
    path.write_bytes(DATA[:-1] + b"?")
    source.archive.write_bytes(content[:1000])
    assert fetch_member(source).read_bytes() == DATA
    below = fetch_member(package_file(WHEEL, content, "some_pkg/y/"))
    (below / "z.txt").unlink()
    assert (fetch_member(package_file(WHEEL, content, "some_pkg/y/")) / "z.txt").read_bytes() == b"z"


def test_a_digest_that_is_wrong(folder: Path, cache: Path) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    (folder / WHEEL).write_bytes(content + b"!")
    source = package_file(WHEEL, content, "some_pkg/x.bin")
    with pytest.raises(BenchmarkError, match=r"does not have the digest .* it was discarded; correct `sha256`"):
        fetch_member(source)
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_package_or_file_that_is_not_there(folder: Path) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    with pytest.raises(BenchmarkError, match=r"some_pkg: no index is set: some_pkg-1\.0.* does not know the package"):
        fetch_member(package_file(WHEEL, content, "some_pkg/x.bin"))
    (folder / SDIST).write_bytes(b"")
    with pytest.raises(BenchmarkError, match=r"it has some_pkg-1\.0\.tar\.gz"):
        fetch_member(package_file(WHEEL, content, "some_pkg/x.bin"))


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    (folder / WHEEL).write_bytes(content)
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
        with pytest.raises(BenchmarkError, match="GB are free: make room, or set ICL_BENCHMARK_CACHE"):
            fetch_member(package_file(WHEEL, content, "some_pkg/x.bin"))
    assert fetch_member(package_file(WHEEL, content, "some_pkg/x.bin")).read_bytes() == DATA


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"file": "some_pkg-1.0.exe"}, "is not the name of a wheel or sdist"),
        ({"file": "../some_pkg-1.0.tar.gz"}, "belongs to"),
        ({"file": "other-1.0.tar.gz"}, "belongs to other 1.0, not to some_pkg 1.0"),
        ({"version": "2.0"}, "belongs to some-pkg 1.0, not to some_pkg 2.0"),
        ({"path": "../x"}, "leads outside the archive"),
        ({"sha256": "abc"}, "sha256"),
    ],
)
def test_parameters_that_cannot_be_meant(change: dict[str, str], line: str) -> None:
    good = package_file(SDIST, b"", "x").model_dump()
    with pytest.raises(ValidationError, match=line):
        PackageFile.model_validate(good | change)


@pytest.mark.slow
def test_a_download_that_is_cut_goes_on_where_it_stopped(package_index: PackageIndex) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    package_index.files[WHEEL] = content
    package_index.cut = [100_000, 50_000, 10, 10]
    assert fetch_member(package_file(WHEEL, content, "some_pkg/x.bin")).read_bytes() == DATA
    ranges = [asked for method, path, asked in package_index.requests if path.startswith("/files/") and method == "GET"]
    assert ranges == [None, "bytes=100000-", "bytes=150000-", "bytes=150010-", "bytes=150020-"]


@pytest.mark.slow
def test_an_index_that_fails_for_a_while_and_one_that_fails_for_good(package_index: PackageIndex) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    package_index.files[WHEEL] = content
    package_index.status = [503, 429]
    assert fetch_member(package_file(WHEEL, content, "some_pkg/x.bin")).read_bytes() == DATA
    package_index.status = [503] * 9
    with pytest.raises(BenchmarkError, match=r"the index cannot be reached for the list of other \(HTTP 503\)"):
        fetch_member(package_file("other-1.0.tar.gz", b"", "x"))


@pytest.mark.slow
def test_half_a_file_of_another_run_is_completed_or_replaced(package_index: PackageIndex) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    package_index.files[WHEEL] = content
    source = package_file(WHEEL, content, "some_pkg/x.bin")
    for left in (content[:5000], b"garbage" * 1000, content + b"more", content):
        shutil.rmtree(source.archive.parent, ignore_errors=True)
        source.archive.parent.mkdir(parents=True)
        source.archive.with_name(f"{WHEEL}.incomplete").write_bytes(left)
        assert fetch_member(source).read_bytes() == DATA
        assert not list(source.archive.parent.glob("*.incomplete"))


@pytest.mark.slow
@pytest.mark.parametrize("hashes", [True, False])
def test_a_file_that_the_index_has_replaced(package_index: PackageIndex, hashes: bool) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    package_index.files[WHEEL], package_index.hashes = wheel({"some_pkg/x.bin": b"evil"}), hashes
    line = "lists .* with another digest" if hashes else "does not have the digest"
    with pytest.raises(BenchmarkError, match=line):
        fetch_member(package_file(WHEEL, content, "some_pkg/x.bin"))


@pytest.mark.slow
def test_an_index_that_wants_an_account(
    package_index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    package_index.files[WHEEL], package_index.password = content, "word"
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("")
    with pytest.raises(BenchmarkError, match=r"the index refuses .* \(HTTP 401\): put the account .* netrc"):
        fetch_member(package_file(WHEEL, content, "some_pkg/x.bin"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login reader password word\n")
    assert fetch_member(package_file(WHEEL, content, "some_pkg/x.bin")).read_bytes() == DATA


@pytest.mark.slow
def test_the_extra_index_is_asked_where_the_first_has_nothing_or_is_down(
    package_index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    package_index.files[WHEEL] = content
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", package_index.url)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert fetch_member(package_file(WHEEL, content, "some_pkg/x.bin")).read_bytes() == DATA
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL")
    with pytest.raises(BenchmarkError, match=r"cannot be reached for the list of other \(ConnectError\)"):
        fetch_member(package_file("other-1.0.tar.gz", b"", "x"))


@pytest.mark.slow
def test_pips_configuration_files_hold(
    package_index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    package_index.files[WHEEL] = content
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {package_index.url}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert fetch_member(package_file(WHEEL, content, "some_pkg/x.bin")).read_bytes() == DATA


@pytest.mark.slow
def test_two_at_once_fetch_once(package_index: PackageIndex) -> None:
    content = wheel({"some_pkg/x.bin": DATA})
    package_index.files[WHEEL] = content
    source = package_file(WHEEL, content, "some_pkg/x.bin")
    threads = [threading.Thread(target=fetch_member, args=(source,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.unpacked.read_bytes() == DATA
    assert sum(path.startswith("/files/") for _, path, _ in package_index.requests) == 1
