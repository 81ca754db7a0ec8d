"""`requirements/install`: which Python it takes, what it refuses before pip starts, where it looks for torch.

The Pythons are scripts that answer as one of that version would, and write down what pip is asked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

REQUIREMENTS = Path(__file__).parents[1] / "requirements"
PYTHONS = (REQUIREMENTS / "pythons").read_text().split()
INDEX = "https://index.example/cpu"
# Answers `-c`, makes an environment whose python is itself, and fails as pip does where $TORCH says so.
PYTHON = """\
#!/bin/bash
case "$*" in
  *platform*) echo "{name}" ;;
  *ensurepip*) exit {no_venv} ;;
  "-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  "-m pip install "*)
    echo "{name} $*" >> "$LOG"
    [[ "$*" == *--no-deps* ]] || exit 0
    found=torch_{version}$([[ "$*" == *--index-url* ]] && echo _index)
    found=${{found//./_}}
    [ "${{!found:-}}" = there ] && exit 0
    echo "ERROR: ${{!found:-No matching distribution found for torch}}" >&2
    exit 1 ;;
esac
"""


class Machine:
    """A PATH with some Pythons, and what happens to torch under each."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.log, self.environment = folder / "bin", folder / "log", folder / "environment"
        self.bin.mkdir()

    def add(self, version: str, name: str = "Python", command: str | None = None, venv: bool = True) -> Path:
        path = self.bin / (command or f"python{version}")
        path.write_text(PYTHON.format(name=f"{name} {version}", version=version, no_venv=int(not venv)))
        path.chmod(0o755)
        return path

    def install(
        self, lock: str = "cpu", chosen: str = "", torch: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        """`torch` by version (and `_index` for PyTorch's own): `there`, or what pip says instead."""
        system = os.pathsep.join(folder for folder in os.defpath.split(os.pathsep) if folder)
        settings = {f"torch_{version}".replace(".", "_"): says for version, says in torch.items()}
        return subprocess.run(
            [REQUIREMENTS / "install", self.environment, lock, chosen],
            env={"PATH": f"{self.bin}{os.pathsep}{system}", "LOG": str(self.log), "TORCH_CPU_INDEX": INDEX, **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(tmp_path)
    for version in PYTHONS:  # whatever the system has lies behind these, and these do not run
        path = found.bin / f"python{version}"
        path.write_text("#!/bin/sh\nexit 127\n")
        path.chmod(0o755)
    return found


def test_the_newest_that_runs_is_taken_and_named(machine: Machine) -> None:
    machine.add("3.11")
    machine.add("3.12")
    done = machine.install(torch={"3.12": "there", "3.11": "there"})
    assert done.returncode == 0, done.stderr
    assert "requirements/cpu.lock" in done.stdout
    assert "with python3.12" in done.stdout
    assert {line.split(" -m")[0] for line in machine.asked} == {"Python 3.12"}
    assert all("--require-hashes" in line for line in machine.asked)


def test_the_next_is_taken_where_torch_is_not_to_be_had(machine: Machine) -> None:
    machine.add("3.13", venv=False)
    machine.add("3.12")
    machine.add("3.11")
    done = machine.install(torch={"3.11": "there"})
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"python3.12: torch's CPU build is neither where pip looks nor at {INDEX}\n"
    assert not [line for line in machine.asked if "3.13" in line]
    whole = [line for line in machine.asked if line.endswith("/cpu.lock")]
    assert [line.split(" -m")[0] for line in whole] == ["Python 3.11"]
    assert "--index-url" not in whole[0], "PyTorch's index is asked for torch alone"


@pytest.mark.parametrize("says", ["No matching distribution found", "ResolutionImpossible: for help visit"])
def test_pip_has_two_ways_to_say_that_torch_is_not_there(machine: Machine, says: str) -> None:
    machine.add("3.13")
    machine.add("3.12")
    assert machine.install(torch={"3.13": says, "3.13_index": says, "3.12": "there"}).returncode == 0


def test_torch_comes_from_its_own_index_where_pip_finds_it_nowhere_else(machine: Machine) -> None:
    machine.add("3.13")
    assert machine.install(torch={"3.13_index": "there"}).returncode == 0
    assert [f"--index-url {INDEX}" in line for line in machine.asked] == [False, True, False, False]
    assert "--no-deps" in machine.asked[1]


def test_torch_that_is_nowhere_ends_in_a_remedy(machine: Machine) -> None:
    machine.add("3.13")
    done = machine.install()
    assert done.returncode == 1
    assert "LOCK=cuda" in done.stderr.splitlines()[-1]
    assert not [line for line in machine.asked if line.endswith("/cpu.lock")]


@pytest.mark.parametrize("says", ["THESE PACKAGES DO NOT MATCH THE HASHES", "No space left on device"])
def test_another_fault_ends_it_though_another_python_would_do(machine: Machine, says: str) -> None:
    machine.add("3.13")
    machine.add("3.12")
    done = machine.install(torch={"3.13": says, "3.12": "there"})
    assert done.returncode == 1
    assert says in done.stderr
    assert not [line for line in machine.asked if "3.12" in line]


@pytest.mark.parametrize("lock", ["cuda", "tools"])
def test_other_locks_do_not_look_for_the_cpu_build(machine: Machine, lock: str) -> None:
    machine.add("3.13")
    assert machine.install(lock).returncode == 0
    assert machine.asked[-1].endswith(f"/{lock}.lock")
    assert not [line for line in machine.asked if "--no-deps" in line]


@pytest.mark.parametrize(
    ("version", "name", "says"),
    [
        ("3.14", "Python", "is Python 3.14, for which no lock is: set PYTHON to a Python of 3.13 3.12 3.11"),
        ("3.9", "Python", "is Python 3.9, for which no lock is"),
        ("3.13t", "Python", "is Python 3.13t, for which no lock is"),
        ("3.11", "PyPy", "is PyPy 3.11, for which no lock is"),
    ],
)
def test_another_python_is_refused_in_one_line_before_pip(machine: Machine, version: str, name: str, says: str) -> None:
    path = machine.add(version, name, command="mine")
    done = machine.install(chosen=str(path))
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not machine.asked
    assert not machine.environment.exists()


def test_a_chosen_python_is_the_only_one(machine: Machine) -> None:
    machine.add("3.13")
    chosen = machine.add("3.11", command="mine")
    assert machine.install(chosen=str(chosen), torch={"3.13": "there"}).returncode == 1
    assert {line.split(" -m")[0] for line in machine.asked} == {"Python 3.11"}
    assert machine.install(chosen="nowhere").stderr.startswith("nowhere does not run: set PYTHON")
    bare = machine.add("3.12", command="bare", venv=False)
    assert "python3.12-venv" in machine.install(chosen=str(bare)).stderr


def test_no_python_at_all(machine: Machine) -> None:
    done = machine.install()
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no Python of 3.13 3.12 3.11 with venv is on the PATH" in done.stderr


def test_this_python_calls_itself_as_the_script_expects() -> None:
    """The one answer of a real Python that the scripts above imitate."""
    text = (REQUIREMENTS / "install").read_text()
    code = text.split("NAME='")[1].split("'\n")[0]
    name = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert name == f"Python {sys.version_info[0]}.{sys.version_info[1]}\n"
    assert name.split()[1] in PYTHONS
