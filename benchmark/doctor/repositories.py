"""The token, and every repository at its revision: reachable, and open to this account. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError

from benchmark.doctor.finding import Finding, fix, note, ok
from benchmark.errors import BenchmarkError
from benchmark.hub.faults import patiently
from benchmark.hub.repository import Kind, check_access, list_files
from benchmark.params import Params
from benchmark.sources.datasets.hub import HubDataset


def _hub_sources(params: Params) -> list[tuple[Kind, str, str, str]]:
    models: list[tuple[Kind, str, str, str]] = [
        ("model", name, model.repository, model.revision)
        for name, model in params.models.items()
        if model.source == "hub"
    ]
    datasets: list[tuple[Kind, str, str, str]] = [
        ("dataset", name, dataset.repository, dataset.revision)
        for name, dataset in params.datasets.items()
        if isinstance(dataset, HubDataset)
    ]
    return models + datasets


def check_token(params: Params) -> Iterator[Finding]:
    """Whether there is a token, and whether the hub knows it. Without one, only gated repositories are out of reach."""
    if not _hub_sources(params) or constants.is_offline_mode():
        return
    if get_token() is None:
        yield note("token", "none is set (HF_TOKEN): gated models are out of reach, and limits are lower")
        return
    try:
        who = patiently(lambda: HfApi(endpoint=constants.ENDPOINT).whoami(), "the account", "HF_TOKEN", "")
    except BenchmarkError as error:
        if isinstance(error.__cause__, HfHubHTTPError) and error.__cause__.response.status_code == 401:
            yield fix("token", f"{constants.ENDPOINT} does not know it (401): make a new one and set HF_TOKEN")
        else:
            yield fix("token", str(error))
        return
    yield ok("token", f"of {who.get('name', 'an account')}")


def check_repositories(params: Params) -> Iterator[Finding]:
    """A line for each model and dataset of the hub: its revision, its size, whether its files may be fetched."""
    for kind, name, repository, revision in _hub_sources(params):
        try:
            listing = list_files(kind, repository, revision)
            check_access(listing)
        except BenchmarkError as error:
            yield fix(name, str(error))
            if isinstance(error.__cause__, httpx2.TransportError):  # the others would wait as long for nothing
                yield note("hub", "the other repositories were not asked")
                return
            continue
        size = sum(file.size for file in listing.files.values()) / 1e9
        state = "in the cache, offline" if listing.offline else "reachable"
        gated = ", gated and open to this token" if listing.gated else ""
        yield ok(name, f"{repository} at {revision[:12]} {state}{gated}; {size:.2f} GB in all files")
