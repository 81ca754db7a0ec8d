"""What can go wrong with a hub: transient faults are tried again with backoff, the others end in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import httpx2
from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from benchmark import patience
from benchmark.errors import BenchmarkError
from benchmark.patience import Fault

T = TypeVar("T")

TRANSIENT = (408, 429, 500, 502, 503, 504)
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before the second attempt, the third, ...; a hub that names a time (Retry-After) is waited for instead."""
LONGEST_WAIT = 300.0


def patiently(
    call: Callable[[], T], what: str, repository: str, revision: str, progress: Callable[[], int] | None = None
) -> T:
    """`call()`, again after each transient fault with growing waits, and a `BenchmarkError` when they are used up."""

    def fault_of(error: Exception) -> Fault | None:
        if isinstance(error, httpx2.TransportError | HfHubHTTPError | OfflineModeIsEnabled):
            told = f"{what} of {repository}: {_reason(error)}"
            return Fault(explain(error, what, repository, revision), _transient(error), told, _asked_wait(error))
        if isinstance(error, KeyError | TypeError | ValueError):  # a page, or JSON of another sort
            return Fault(
                BenchmarkError(
                    f"{constants.ENDPOINT} answers as no hub does when asked for {what} of {repository}: is "
                    f"HF_ENDPOINT right, or does a proxy's or network's login page stand in between?"
                )
            )
        return None

    return patience.patiently(call, fault_of, WAITS, progress)


def explain(error: Exception, what: str, repository: str, revision: str) -> BenchmarkError:
    """The one line for a fault of the hub: its cause, and what to do."""
    endpoint = constants.ENDPOINT
    page = f"{endpoint}/{repository}"
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, OfflineModeIsEnabled):
        return BenchmarkError(
            f"{what} of {repository} is not in the cache {constants.HF_HUB_CACHE} and HF_HUB_OFFLINE is set: fetch it "
            f"once with a network, or set HF_HOME to a filled cache"
        )
    if isinstance(error, GatedRepoError) or status == 403:
        return BenchmarkError(
            f"{repository} is gated: accept its licence at {page} with your account, {_token_advice()}"
        )
    if isinstance(error, RevisionNotFoundError):
        return BenchmarkError(f"{repository} has no revision {revision}: correct `revision` in the parameters")
    if isinstance(error, RemoteEntryNotFoundError):
        return BenchmarkError(f"{repository} at {revision[:12]} has no {what}: is the revision right?")
    if status == 401:
        return BenchmarkError(
            f"the hub refuses {repository} (401): it is private or gated, does not exist, or the token is not valid; "
            f"look at {page} and {_token_advice()}"
        )
    if isinstance(error, RepositoryNotFoundError) or status == 404:
        return BenchmarkError(f"{repository} is not on {endpoint}: correct `repository` in the parameters")
    if status == 429:
        return BenchmarkError(
            f"the hub limits our requests (429) and {len(WAITS)} waits did not help: start again later, what was "
            f"fetched is kept; requests with HF_TOKEN have a higher limit"
        )
    if status is not None:
        return BenchmarkError(
            f"the hub fails with {status} for {what} of {repository}: start again later, what was fetched is kept"
        )
    return BenchmarkError(
        f"{endpoint} cannot be reached for {what} of {repository} ({_reason(error)}): check the network and "
        f"HF_ENDPOINT, or work from a filled cache with HF_HUB_OFFLINE=1, or from a local folder (source: local)"
    )


def _token_advice() -> str:
    if get_token() is None:
        return "and pass a token of that account: HF_TOKEN=hf_..."
    return "the account that your HF_TOKEN belongs to (a fine-grained token must also be allowed to read gated ones)"


def _transient(error: Exception) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in TRANSIENT
    return isinstance(error, httpx2.TransportError)


def _reason(error: Exception) -> str:
    if isinstance(error, HfHubHTTPError):
        return f"HTTP {error.response.status_code}"
    return type(error).__name__


def _asked_wait(error: Exception) -> float | None:
    if not isinstance(error, HfHubHTTPError):
        return None
    asked = error.response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT) if asked.isdigit() else None
