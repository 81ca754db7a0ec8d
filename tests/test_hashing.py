from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import sha256_arrays, sha256_file, sha256_json, sha256_text, sha256_tree

PACKAGE = Path(__file__).parents[1] / "benchmark"


def test_a_file_is_what_sha256sum_says(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc\r\n")
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"abc\r\n").hexdigest()
    assert sha256_text(tmp_path / "a") == hashlib.sha256(b"abc\n").hexdigest()


def test_the_order_of_keys_changes_nothing() -> None:
    assert sha256_json({"a": 1, "b": [2]}) == sha256_json({"b": [2], "a": 1}) != sha256_json({"a": 1, "b": [3]})


def test_a_folder_is_its_names_and_contents_wherever_it_lies(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place / "folder" / "__pycache__").mkdir(parents=True)
        (tmp_path / place / "folder" / "x").write_text("x")
    (tmp_path / "two" / "folder" / "__pycache__" / "x.pyc").write_text("")
    one, two = (sha256_tree([tmp_path / place / "folder"]) for place in ("one", "two"))
    assert one == two
    (tmp_path / "two" / "folder" / "x").rename(tmp_path / "two" / "folder" / "y")
    assert sha256_tree([tmp_path / "two" / "folder"]) != one


def test_arrays_differ_in_name_dtype_shape_and_content() -> None:
    x = np.arange(6, dtype=np.int32)
    same: list[dict[str, NDArray[Any]]] = [{"x": x}, {"x": np.asfortranarray(x)}]
    other: list[dict[str, NDArray[Any]]] = [{"y": x}, {"x": x.astype(np.int64)}, {"x": x.reshape(2, 3)}, {"x": x + 1}]
    assert len({sha256_arrays(arrays) for arrays in same}) == 1
    assert len({sha256_arrays(arrays) for arrays in [*same, *other]}) == 5


def test_nothing_else_takes_a_digest() -> None:
    users = [path for path in PACKAGE.rglob("*.py") if "hashlib" in path.read_text(encoding="utf-8")]
    assert users == [PACKAGE / "hashing.py"]
