"""Files appear whole or not at all, and the same content gives the same bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark import storage
from benchmark.errors import BenchmarkError


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    storage.write_json(path, {"a": 1})
    with pytest.raises(RuntimeError):  # noqa: PT012, SIM117 - what is tested is the block itself
        with storage.atomic(path) as file:
            file.write(b"half")
            raise RuntimeError("killed")
    assert storage.read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from benchmark import storage
with storage.atomic(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_goes_with_the_next_write_and_a_living_ones_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == b"half"
    storage.write_json(tmp_path / "b.json", {"b": 1})
    assert left.exists(), "it belongs to another file"
    with storage.atomic(path) as file:
        assert not left.exists()
        storage.write_json(path, {"a": 1})
        file.write(b"{}")
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.json", "b.json"}
    assert path.read_bytes() == b"{}"


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.json"
    storage.write_json(path, {"a": 1})

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BenchmarkError, match=r"cannot write .*table.json: No space left on device"):
        storage.write_json(path, {"a": 2})
    assert storage.read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "reader"),
    [("a.json", storage.read_json), ("a.jsonl", storage.read_lines), ("a.npz", storage.read_arrays)],
)
def test_a_missing_and_a_truncated_file_are_told_apart(tmp_path: Path, name: str, reader: object) -> None:
    assert callable(reader)
    path = tmp_path / name
    with pytest.raises(BenchmarkError, match="is missing"):
        reader(path)
    storage.write_arrays(path, a=np.arange(5)) if name.endswith("npz") else path.write_text('{"a": [1, 2')
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BenchmarkError, match="is damaged"):
        reader(path)


def test_arrays_come_back_and_have_the_same_bytes_twice(tmp_path: Path) -> None:
    arrays = {"x": np.linspace(0, 1, 7), "names": np.array(["causal", "self"])}
    for name in ("a.npz", "b.npz"):
        storage.write_arrays(tmp_path / name, **arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    read = storage.read_arrays(tmp_path / "a.npz", ["x", "names"])
    np.testing.assert_array_equal(read["x"], arrays["x"])
    np.testing.assert_array_equal(read["names"], arrays["names"])
    with pytest.raises(BenchmarkError, match="lacks the array y"):
        storage.read_arrays(tmp_path / "a.npz", ["y"])


def test_pickles_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="objects"):
        storage.write_arrays(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    np.savez(tmp_path / "b.npz", a=np.array([{}], dtype=object))
    with pytest.raises(BenchmarkError, match="damaged"):
        storage.read_arrays(tmp_path / "b.npz")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_table_survives_the_round_trip_to_six_decimals(values: list[float]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        storage.write_table(path, pd.DataFrame({"layer": ["mean"] * len(values), "rho": values}))
        read = storage.read_table(path, ["layer", "rho"], text=["layer"])
        assert "mean,-0.0\n" not in path.read_text()
    np.testing.assert_allclose(read["rho"], values, atol=5.1e-7)


def test_a_table_without_a_column_is_refused_and_empty_text_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    storage.write_table(path, pd.DataFrame({"undefined": ["", "constant"], "layer": ["1", "mean"]}))
    assert list(storage.read_table(path, text=["undefined", "layer"])["undefined"]) == ["", "constant"]
    with pytest.raises(BenchmarkError, match="lacks the column rho"):
        storage.read_table(path, ["rho"])


def test_the_bytes_of_arrays_do_not_depend_on_the_release_of_python_or_zlib(tmp_path: Path) -> None:
    """A digest taken once: numpy's own writer gives another one with Python 3.11.2 than with 3.11.7."""
    path = tmp_path / "a.npz"
    storage.write_arrays(path, scores=np.arange(6.0).reshape(2, 3), names=np.array(["a", "bc"]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest == "973593b42b4e7bcd9ff57fab7e25174d4ebff850fcec6ac32066ab38805ec6e2"
