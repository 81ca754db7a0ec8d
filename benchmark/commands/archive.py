"""`archive`: one file, fit for Zenodo, whose bytes depend on the commit alone."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.hashing import sha256_file


@click.command()
@click.option("--revision", default="HEAD", show_default=True, help="The commit to pack.")
@click.option("--output", type=click.Path(path_type=Path), help="By default .work/archive/NAME-VERSION-COMMIT.tar.")
def archive(revision: str, output: Path | None) -> None:
    """Pack a commit with checksums and a description (RO-Crate): the same commit gives the same bytes anywhere.

    What is not committed is not in it. In the unpacked folder, `sha256sum --check SHA256SUMS` says that nothing was
    lost, and `make verify` recomputes the verdicts; neither needs git.
    """
    path = pack(Path(), revision, output)
    click.echo(f"{path}: {path.stat().st_size:,} bytes, SHA-256 {sha256_file(path)}")


def pack(root: Path, revision: str, output: Path | None) -> Path:
    """Writes the archive; returns its path. Raises `BenchmarkError` without git or without that commit."""
    from benchmark import __version__
    from benchmark.archive.crate import NAME, describe
    from benchmark.archive.packing import CHECKSUMS, Entry, checksums, read_commit, write_tar

    commit = read_commit(root, revision)
    folder = f"icl-activation-benchmark-{__version__}-{commit.revision[:10]}"
    files = {**commit.files, NAME: describe(commit)}
    files[CHECKSUMS] = Entry(checksums(files))
    path = output or root / ".work/archive" / f"{folder}.tar"
    write_tar(path, folder, files, commit.time)
    return path
