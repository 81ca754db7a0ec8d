"""Parquet. A number keeps its shortest text: 0.1 of 32 bits is 0.1, and 7.0 is 7.0."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benchmark.errors import BenchmarkError
from benchmark.tasks.rows import Reading, content, file_format, is_packed
from benchmark.tasks.values import Written


class ParquetTable:
    """`names` are all columns of the file; those that were not asked for are not read."""

    def __init__(self, names: list[str], table: pa.Table) -> None:
        self.names, self._table = names, table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def lacks(self, columns: Collection[str]) -> list[str]:
        return [name for name in columns if name not in self.names]

    def place(self, index: int) -> str:
        return f"row {index + 1}"

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]:
        found = {}
        for name in columns:
            scalar = self._table.column(name)[index]
            try:
                found[name] = _value(scalar.as_py(), scalar.type)
            except (ValueError, OverflowError, UnicodeDecodeError) as error:
                raise BenchmarkError(f"column {name!r} holds what cannot be read: {error}") from error
        return found


def _value(value: Any, kind: pa.DataType) -> Any:
    """A value of Arrow as `benchmark.tasks.values` has it: floating-point and decimal numbers as they are written."""
    if value is None:
        return None
    if isinstance(kind, pa.BaseExtensionType):
        return _value(value, kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _value(value, kind.value_type)
    if pa.types.is_floating(kind):
        text = str(np.dtype(kind.to_pandas_dtype()).type(value))
        return Written({"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text))
    if pa.types.is_decimal(kind):
        return Written(format(value, "f"))
    if pa.types.is_struct(kind):
        return {field.name: _value(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        if len(dict(value)) < len(value):
            raise ValueError("a key occurs twice in one map")
        return {key: _value(item, kind.item_type) for key, item in value}
    if isinstance(value, list):
        return [_value(item, kind.value_type) for item in value]
    return value


@file_format("parquet", ".parquet")
def open_parquet(path: Path, reading: Reading, columns: Collection[str] | None) -> ParquetTable:
    try:
        with pa.parquet.ParquetFile(pa.BufferReader(content(path)) if is_packed(path) else path) as file:
            names = file.schema_arrow.names
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise BenchmarkError(f"it has the column {twice[0]!r} twice: rename one of them")
            wanted = names if columns is None else [name for name in names if name in columns]
            return ParquetTable(names, file.read(columns=wanted, use_threads=False))
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BenchmarkError(" ".join(str(error).split())) from error
