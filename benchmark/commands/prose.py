"""`prose`: are the numbers in README.md and docs/ those of the result files?"""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.errors import BenchmarkError
from benchmark.prose.documents import current, documents, stale
from benchmark.storage import atomic


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--write", is_flag=True, help="Put what the result files have into the documents.")
def prose(paths: tuple[Path, ...], write: bool) -> None:
    """Compare the numbers in README.md and docs/, or in PATHS, with the result files that they come from.

    A number is compared where a comment behind it names its file, a block where comments enclose it; both are
    described in benchmark/prose/. Exits with 1 where one differs.
    """
    found = [line for path in paths or documents() for line in check(path, write)]
    for line in found:
        click.echo(line)
    if found and not write:
        raise BenchmarkError(f"{len(found)} numbers or blocks are stale: `python -m benchmark prose --write`")
    if not found:
        click.echo("every marked number and block is what the result files have")


def check(path: Path, write: bool) -> list[str]:
    """What is stale in a document, a line each; with `write`, it is replaced. Raises `BenchmarkError`."""
    text = path.read_text(encoding="utf-8")
    try:
        lines = [f"{path}:{problem}" for problem in stale(text)]
        new = current(text) if write else text
    except BenchmarkError as error:
        raise BenchmarkError(f"{path}: {error}") from error
    if new != text:
        with atomic(path) as file:
            file.write(new.encode())
    return lines
