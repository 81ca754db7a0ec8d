"""JSON with its rows in a list: at the top, or at the end of a dotted path such as `examples` or `data.paragraphs.qas`.

A path enters the lists on its way, and what stands beside them is a column of every row below, unless the row has one
of that name itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.tasks.rows import Reading, file_format, utf8
from benchmark.tasks.values import parse_json


class JsonList:
    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows
        self.names = dict.fromkeys(name for row in rows for name in row)

    def __len__(self) -> int:
        return len(self._rows)

    def lacks(self, columns: Collection[str]) -> list[str]:
        return [name for name in columns if name not in self.names]

    def place(self, index: int) -> str:
        return f"row {index + 1}"

    def row(self, index: int, columns: Collection[str]) -> dict[str, Any]:
        return {name: self._rows[index].get(name) for name in columns}


@file_format("json", ".json", options=("encoding", "records"))
def open_json(path: Path, reading: Reading, columns: Collection[str] | None) -> JsonList:
    try:
        whole = parse_json(utf8(path, reading.encoding).decode())
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        raise BenchmarkError(f"it is not JSON ({error}); a file with an object a line is of format jsonl") from error
    parts = reading.records.split(".") if reading.records else []
    return JsonList(list(_rows(whole, parts, {})))


def _rows(value: Any, path: list[str], beside: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            if path:
                yield from _rows(item, path, beside)
            elif isinstance(item, dict):
                yield beside | item
            else:
                raise BenchmarkError(f"its rows are not objects, but {str(item)[:60]!r}: correct `records`")
    elif isinstance(value, dict) and path:
        if path[0] not in value:
            raise BenchmarkError(
                f"`records` names {path[0]!r}, and there is {', '.join(map(repr, value)) or 'nothing'}"
            )
        others = {name: item for name, item in value.items() if name != path[0]}
        yield from _rows(value[path[0]], path[1:], beside | others)
    elif isinstance(value, dict):
        lists = [name for name, item in value.items() if isinstance(item, list)]
        raise BenchmarkError(
            f"its rows are not in a list: state `records`, the path to them ({', '.join(lists) or 'none'})"
        )
    else:
        raise BenchmarkError(f"`records` leads to {str(value)[:60]!r}, which is not a list")
