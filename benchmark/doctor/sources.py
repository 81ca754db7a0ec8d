"""The hub's token, and every model and dataset at its source: there, and open to this account. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import HfHubHTTPError

from benchmark.doctor.finding import Finding, fix, note, ok
from benchmark.errors import BenchmarkError
from benchmark.hub.faults import patiently
from benchmark.params import Params
from benchmark.patience import at_once
from benchmark.sources import packages
from benchmark.sources.datasets import DatasetSource
from benchmark.sources.models import ModelSource
from benchmark.sources.models.package import PackageModel

HUB = "the hub"


def _sources(params: Params) -> list[tuple[str, ModelSource | DatasetSource]]:
    return [*params.models.items(), *params.datasets.items()]


def check_token(params: Params) -> Iterator[Finding]:
    """Whether there is a token, and whether the hub knows it. Without one, only gated repositories are out of reach."""
    asked = {source.asks for _, source in _sources(params)}
    if HUB not in asked or constants.is_offline_mode():
        return
    if get_token() is None:
        yield note("token", "none is set (HF_TOKEN): gated models are out of reach, and limits are lower")
        return
    try:
        with at_once():
            who = patiently(lambda: HfApi(endpoint=constants.ENDPOINT).whoami(), "the account", "HF_TOKEN", "")
    except BenchmarkError as error:
        if isinstance(error.__cause__, HfHubHTTPError) and error.__cause__.response.status_code == 401:
            yield fix("token", f"{constants.ENDPOINT} does not know it (401): make a new one and set HF_TOKEN")
        else:
            yield fix("token", str(error))
        return
    yield ok("token", f"of {who.get('name', 'an account')}")


def check_sources(params: Params) -> Iterator[Finding]:
    """A line for each model, dataset and encoder whose source has something to say.

    What is out of reach is asked once.
    """
    out_of_reach: dict[str, int] = {}
    for name, source in _sources(params):
        if source.asks in out_of_reach:
            out_of_reach[source.asks] += 1
            continue
        try:
            with at_once():
                said = source.examine(name)
        except BenchmarkError as error:
            yield fix(name, str(error))
            if source.asks and isinstance(error.__cause__, httpx2.TransportError):  # the others would wait as long
                out_of_reach[source.asks] = 0
            continue
        if said:
            yield ok(name, said)
    embedder = params.selection.embedder
    if "embeddings" in params.selection.features and embedder and PackageModel.asks not in out_of_reach:
        try:
            yield ok("embedder", packages.describe([embedder]))
        except BenchmarkError as error:
            yield fix("embedder", str(error))
    for asked, others in out_of_reach.items():
        if others:
            yield note(asked, f"{others} more models and datasets were not asked for")
