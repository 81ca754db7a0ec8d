"""Fetching files of a listing into the cache: resumed where an earlier run broke off, verified before they count."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx2
from filelock import FileLock
from huggingface_hub import constants, hf_hub_url
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status
from tqdm import tqdm

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_and_git
from benchmark.hub.faults import patiently
from benchmark.hub.repository import Listing, RemoteFile
from benchmark.progress import progress_bar

ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A verified file: its size in bytes and the SHA-256 of its content."""

    bytes: int
    sha256: str


def fetch(listing: Listing, names: Iterable[str]) -> dict[str, Fetched]:
    """Puts the named files of `listing` into its snapshot folder and returns what each of them is.

    Every file is hashed and compared with the hub's metadata, those that were there before too. What breaks off leaves
    a partial file that the next call continues. Raises `BenchmarkError` for a missing name, a refusal or a failure of
    the hub, a hash that is wrong twice, and a disk that is or would get full.
    """
    wanted = sorted(set(names))
    for name in wanted:
        if name not in listing.files:
            raise BenchmarkError(f"{listing.repository} at {listing.revision[:12]} holds no {name}")
    _require_space(listing, wanted)
    fetched = {}
    size = sum(listing.files[name].size for name in wanted)
    with progress_bar(size, listing.repository, "B", unit_scale=True) as progress:
        for name in wanted:
            fetched[name] = _fetch(listing, name, progress)
    return fetched


def _fetch(listing: Listing, name: str, progress: tqdm[None]) -> Fetched:
    remote = listing.files[name]
    target = listing.snapshot / name
    if listing.offline:
        return _cached(listing, name, progress)
    blob = listing.storage / "blobs" / remote.etag
    with _locked(listing, remote.etag):
        blob.parent.mkdir(parents=True, exist_ok=True)
        sha256 = _verified(blob, remote)
        if sha256 is None:
            sha256 = _download(listing, name, remote, blob, progress)
        else:
            progress.update(remote.size)
        _link(blob, target)
    return Fetched(remote.size, sha256)


def _cached(listing: Listing, name: str, progress: tqdm[None]) -> Fetched:
    """The file in the cache; where it is no link to a blob (a copied cache), there is no hash to compare with."""
    remote = listing.files[name]
    target = listing.snapshot / name
    sha256 = _verified(target, remote) if ETAG.fullmatch(remote.etag) else sha256_and_git(target)[0]
    if sha256 is None:
        raise BenchmarkError(
            f"{name} of {listing.repository} in the cache is damaged, and HF_HUB_OFFLINE is set: delete {target} and "
            f"fetch it again with a network"
        )
    progress.update(remote.size)
    return Fetched(remote.size, sha256)


def _download(listing: Listing, name: str, remote: RemoteFile, blob: Path, progress: tqdm[None]) -> str:
    partial = blob.with_name(f"{blob.name}.incomplete")
    for _ in range(2):  # a partial file of unknown origin may spoil the first attempt; the second starts from nothing
        if partial.exists() and partial.stat().st_size > remote.size:
            partial.unlink()
        progress.n = progress.n + _size(partial)
        patiently(
            lambda: _receive(listing, name, remote, partial, progress),
            name,
            listing.repository,
            listing.revision,
            progress=lambda: _size(partial),
        )
        sha256 = _verified(partial, remote)
        if sha256 is not None:
            partial.replace(blob)
            return sha256
        progress.n = progress.n - _size(partial)
        partial.unlink()
    raise BenchmarkError(
        f"{name} of {listing.repository} does not have the hash that the hub reports ({remote.etag[:12]}...), twice: "
        f"it was discarded; is a proxy or a mirror (HF_ENDPOINT={constants.ENDPOINT}) changing files?"
    )


def _receive(listing: Listing, name: str, remote: RemoteFile, partial: Path, progress: tqdm[None]) -> None:
    """Appends to `partial` what it lacks. A connection that ends early raises and is a transient fault."""
    have = _size(partial)
    if have == remote.size and partial.exists():
        return
    url = hf_hub_url(
        listing.repository, name, repo_type=listing.kind, revision=listing.revision, endpoint=constants.ENDPOINT
    )
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with get_session().stream(
        "GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT, follow_redirects=True
    ) as response:
        hf_raise_for_status(response)
        resumed = response.status_code == 206
        if have and not resumed:
            progress.n = progress.n - have
        try:
            with partial.open("ab" if resumed else "wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    progress.update(len(chunk))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise _full(listing, remote.size - _size(partial)) from error
    if _size(partial) < remote.size:
        raise httpx2.ReadError(f"the connection ended after {_size(partial)} of {remote.size} bytes")


def _verified(path: Path, remote: RemoteFile) -> str | None:
    """The SHA-256 of `path` if it is the file that the hub describes, else None."""
    if not path.is_file() or path.stat().st_size != remote.size:
        return None
    sha256, git = sha256_and_git(path)
    return sha256 if remote.etag in (sha256, git) else None


def _link(blob: Path, target: Path) -> None:
    """Makes the snapshot's name of a blob: a relative link, as huggingface_hub has it, or a copy where none can be."""
    if target.exists() and target.samefile(blob):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(os.path.relpath(blob, target.parent))
    except OSError:
        shutil.copyfile(blob, temporary)
    temporary.replace(target)


def _locked(listing: Listing, etag: str) -> FileLock:
    folder = listing.storage.parent / ".locks" / listing.storage.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchmarkError(f"cannot write {folder}: {error.strerror}; set HF_HOME to a writable folder") from error
    return FileLock(folder / f"{etag}.lock")


def _require_space(listing: Listing, names: list[str]) -> None:
    if listing.offline:
        return
    missing = 0
    for name in names:
        remote = listing.files[name]
        blob = listing.storage / "blobs" / remote.etag
        if _size(blob) != remote.size:
            missing += remote.size - min(_size(blob.with_name(f"{blob.name}.incomplete")), remote.size)
    if shutil.disk_usage(_existing(listing.storage)).free < missing:
        raise _full(listing, missing)


def _full(listing: Listing, missing: int) -> BenchmarkError:
    free = shutil.disk_usage(_existing(listing.storage)).free
    return BenchmarkError(
        f"the disk of {constants.HF_HUB_CACHE} is full: {listing.repository} needs {missing / 1e9:.2f} GB more and "
        f"{free / 1e9:.2f} GB are free; make room or set HF_HOME to another disk, what was fetched is kept"
    )


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
