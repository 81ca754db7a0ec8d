"""What a repository holds at one commit, as the hub says, or the cache where the hub is not to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi, constants, get_hf_file_metadata, get_token, hf_hub_url
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.file_download import repo_folder_name

from benchmark.errors import BenchmarkError
from benchmark.hub.faults import explain, patiently

Kind = Literal["model", "dataset"]
METADATA_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub describes it. `etag` names its content: SHA-256 of a large file, git's SHA-1 of a small one."""

    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of `repository` at the commit `revision`; `gated`: its licence has to be accepted first."""

    kind: Kind
    repository: str
    revision: str
    files: Mapping[str, RemoteFile]
    gated: bool = False
    offline: bool = False

    @property
    def storage(self) -> Path:
        """The repository's folder in the cache: `blobs/<etag>` and `snapshots/<commit>/<name>`."""
        return storage_folder(self.kind, self.repository)

    @property
    def snapshot(self) -> Path:
        return self.storage / "snapshots" / self.revision


def storage_folder(kind: Kind, repository: str) -> Path:
    name: str = repo_folder_name(repo_id=repository, repo_type=kind)
    return Path(constants.HF_HUB_CACHE) / name


def snapshot_folder(kind: Kind, repository: str, revision: str) -> Path:
    """Where the cache keeps the files of that commit; the folder need not exist."""
    return storage_folder(kind, repository) / "snapshots" / revision


def list_files(kind: Kind, repository: str, revision: str) -> Listing:
    """The files of that commit with size and hash: one request, or none with `HF_HUB_OFFLINE` (the cached ones then).

    Raises `BenchmarkError` for every refusal of the hub, and where it answers with another commit than asked for.
    """
    if constants.is_offline_mode():
        return _cached(kind, repository, revision)
    api = HfApi(endpoint=constants.ENDPOINT)
    info = patiently(
        lambda: api.repo_info(
            repository, repo_type=kind, revision=revision, files_metadata=True, timeout=METADATA_TIMEOUT
        ),
        "the listing",
        repository,
        revision,
    )
    if info.sha != revision:
        raise BenchmarkError(f"{repository}: the hub answers with commit {info.sha} where {revision} was asked for")
    files = {}
    for sibling in info.siblings or ():
        etag = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
        size = sibling.lfs.size if sibling.lfs else sibling.size
        if etag is None or size is None:
            raise BenchmarkError(
                f"{repository}: the hub reports no size or hash of {sibling.rfilename}, so it could not be verified"
            )
        files[sibling.rfilename] = RemoteFile(size, etag)
    return Listing(kind, repository, revision, files, gated=bool(info.gated))


def check_access(listing: Listing) -> None:
    """Raises `BenchmarkError` unless this account may fetch the files: asks for the head of one, downloads nothing.

    A gated repository shows its listing to everybody, and its files only to those who accepted its licence.
    """
    if listing.offline or not listing.files:
        return
    name = min(listing.files, key=lambda name: listing.files[name].size)
    url = hf_hub_url(
        listing.repository, name, repo_type=listing.kind, revision=listing.revision, endpoint=constants.ENDPOINT
    )
    patiently(
        lambda: get_hf_file_metadata(url, token=get_token(), timeout=METADATA_TIMEOUT, endpoint=constants.ENDPOINT),
        name,
        listing.repository,
        listing.revision,
    )


def look_up(kind: Kind, repository: str, revision: str) -> str:
    """A line about the repository at that commit: there, and open to this account. Raises `BenchmarkError` if not."""
    listing = list_files(kind, repository, revision)
    check_access(listing)
    size = sum(file.size for file in listing.files.values()) / 1e9
    state = "in the cache, offline" if listing.offline else "reachable"
    gated = ", gated and open to this token" if listing.gated else ""
    return f"{repository} at {revision[:12]} {state}{gated}; {size:.2f} GB in all files"


def _cached(kind: Kind, repository: str, revision: str) -> Listing:
    """The listing of a cached snapshot: its files are links to blobs, which are named by their hashes."""
    folder = snapshot_folder(kind, repository, revision)
    files = {
        path.relative_to(folder).as_posix(): RemoteFile(
            path.stat().st_size, path.readlink().name if path.is_symlink() else ""
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if not files:
        raise explain(OfflineModeIsEnabled(), f"revision {revision[:12]}", repository, revision)
    return Listing(kind, repository, revision, files, offline=True)
