"""The locks: hashed, host-free, cuda and cpu apart in torch alone, compiled from what the .in files say."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[1] / "requirements"
PYTHONS = (REQUIREMENTS / "pythons").read_text().split()
LOCKS = sorted(REQUIREMENTS.glob("*.lock"))
ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)(\[[a-z0-9,-]+\])?==(?P<version>[^\s;]+)")


def entries(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """By package: its version and its hashes."""
    logical = path.read_text().replace("\\\n", " ").splitlines()
    found = {}
    for line in logical:
        match = ENTRY.match(line)
        assert match, f"{path.name}: {line[:80]!r} is no pinned requirement"
        found[match["name"]] = (match["version"], frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)))
    return found


def direct(path: Path) -> set[str]:
    """The packages named in an .in file and in those that it includes."""
    names: set[str] = set()
    for line in path.read_text().splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("--hash"):
            continue
        if text.startswith("-r "):
            names |= direct(path.parent / text[3:])
        elif text:
            found = re.match(r"[A-Za-z0-9_.-]+", text)
            assert found, text
            names.add(re.sub(r"[-_.]+", "-", found.group()).lower())
    return names


def test_there_are_the_six_locks() -> None:
    assert [path.stem for path in LOCKS] == ["build", "cpu", "cuda", "extras", "ray", "tools"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_requirement_is_pinned_and_hashed_and_no_host_is_named(lock: Path) -> None:
    assert all(hashes for _, hashes in entries(lock).values())
    assert not re.search(r"https?:|--index|--extra|--find-links|--trusted|@ ", lock.read_text())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_the_lock_holds_what_its_short_file_asks_for(lock: Path) -> None:
    assert direct(lock.with_suffix(".in")) <= entries(lock).keys()


def test_cpu_and_cuda_differ_in_torch_and_its_cuda_packages_only() -> None:
    cpu, cuda = entries(REQUIREMENTS / "cpu.lock"), entries(REQUIREMENTS / "cuda.lock")
    assert cpu.keys() <= cuda.keys()
    assert {name for name in cpu if cpu[name] != cuda[name]} == {"torch"}
    assert all(re.match(r"(nvidia|cuda)-", name) for name in cuda.keys() - cpu.keys())
    assert cpu["torch"][0] == f"{cuda['torch'][0]}+cpu"


def test_torch_is_hashed_for_every_python_wherever_it_was_found() -> None:
    """Where `make lock` runs, a folder of wheels may have the build for one Python only."""
    stated = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", (REQUIREMENTS / "cpu.in").read_text()))
    assert entries(REQUIREMENTS / "cpu.lock")["torch"][1] == stated
    assert len(stated) == len(PYTHONS)


def test_what_is_declared_of_pythons_is_what_is_locked() -> None:
    project = tomllib.loads((REQUIREMENTS.parent / "pyproject.toml").read_text())
    newest, oldest = (tuple(map(int, PYTHONS[index].split("."))) for index in (0, -1))
    assert project["project"]["requires-python"] == f">=3.{oldest[1]},<3.{newest[1] + 1}"
    assert project["tool"]["ruff"]["target-version"] == f"py3{oldest[1]}"
    assert project["tool"]["mypy"]["python_version"] == PYTHONS[-1]


def table(title: str) -> list[list[str]]:
    """The rows of the table under a heading of docs/dependencies.md."""
    text = (REQUIREMENTS.parent / "docs/dependencies.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"][
        2:
    ]


def listed(cell: str) -> list[str]:
    """The packages that a cell of such a table lists, without what stands in brackets behind them."""
    return [re.sub(r"[-_.]+", "-", name.strip()) for name in re.split("[,;]", re.sub(r"\[.*?\]|\(.*?\)", "", cell))]


def test_the_licence_of_everything_locked_is_listed_once() -> None:
    packages = [name for _, cell in table("Licences") for name in listed(cell)]
    assert sorted(packages) == sorted(set().union(*(entries(lock) for lock in LOCKS)))


def test_the_purpose_of_everything_asked_for_is_listed_once() -> None:
    packages = [name for cell, _ in table("What each direct one is for") for name in listed(cell)]
    assert sorted(packages) == sorted(set().union(*(direct(lock.with_suffix(".in")) for lock in LOCKS)))


@pytest.mark.parametrize("lock", ["extras", "ray"])
def test_what_is_installed_on_top_replaces_nothing(lock: str) -> None:
    assert not entries(REQUIREMENTS / f"{lock}.lock").keys() & entries(REQUIREMENTS / "cpu.lock").keys()


def test_what_builds_packages_is_what_is_installed() -> None:
    build, cpu = entries(REQUIREMENTS / "build.lock"), entries(REQUIREMENTS / "cpu.lock")
    assert build["setuptools"] == cpu["setuptools"]


@pytest.mark.slow
def test_pip_refuses_a_tampered_hash(tmp_path: Path) -> None:
    """The guard that the locks rely on: a package whose hash is not the locked one is not installed."""
    source = tmp_path / "thing-1.0"
    source.mkdir()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "thing"\nversion = "1.0"\n[tool.setuptools]\npy-modules = []\n'
    )
    pip = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check"]
    make = [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path / "wheels")]
    subprocess.run([*make, str(source)], check=True)
    (wheel,) = (tmp_path / "wheels").iterdir()
    digest = subprocess.run([*pip, "hash", str(wheel)], check=True, capture_output=True, text=True).stdout.strip()
    digest = digest.splitlines()[-1]
    install = [*pip, "install", "-q", "--no-deps", "--no-index", "--find-links", str(wheel.parent), "--require-hashes"]
    for name, change, accepted in (("right", str, True), ("wrong", lambda text: text[:-4] + "0123", False)):
        lock = tmp_path / f"{name}.lock"
        lock.write_text(f"thing==1.0 {change(digest)}\n")
        done = subprocess.run(
            [*install, "--target", str(tmp_path / name), "-r", str(lock)], capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) == accepted, done.stderr
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "wrong").exists()
