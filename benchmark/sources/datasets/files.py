"""What sources that name their files share: how these are read."""

from __future__ import annotations

from pydantic import Field, field_validator

from benchmark.sources.datasets.drawn import DrawnDataset
from benchmark.tasks.formats import Reading


class FilesDataset(DrawnDataset):
    """A dataset in files that its parameters name."""

    format: str | None = Field(
        default=None, description="csv, tsv, jsonl, json, parquet or folders; null: by the ending, .gz or .zst after it"
    )
    delimiter: str | None = Field(default=None, min_length=1, max_length=1, description="csv: between cells; null: ','")
    header: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="csv, tsv: names of the columns; null: the first line holds them"
    )
    quoting: bool | None = Field(default=None, description="csv, tsv: false where a quote is a character; null: true")
    encoding: str | None = Field(default=None, description="of texts, such as latin-1; null: utf-8")
    records: str | None = Field(default=None, description="json: dotted path to the rows, such as data.paragraphs.qas")
    licence: str | None = Field(default=None, description="recorded with the results")

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str | None) -> str | None:
        try:
            if encoding is not None:
                "".encode(encoding)
        except LookupError as error:
            raise ValueError(f"{error}: name one that Python has, such as utf-8, latin-1, cp1252 or utf-16") from error
        return encoding

    @field_validator("delimiter")
    @classmethod
    def _one_byte(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (not delimiter.isascii() or delimiter in '"\r\n\0'):
            raise ValueError(f"{delimiter!r} cannot stand between cells: use an ASCII character that is no quote")
        return delimiter

    @property
    def reading(self) -> Reading:
        return Reading(self.format, self.delimiter, self.header, self.quoting, self.encoding, self.records)
