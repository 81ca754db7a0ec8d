"""Package indexes, as pip is set up to use them: finding one file by its name, and fetching it.

pip's own settings hold: index-url, extra-index-url, find-links, no-index, trusted-host, proxy, cert, client-cert and
timeout, from its configuration files and from the environment (PIP_INDEX_URL, ...); netrc and the proxy variables
too. Nothing is installed, and no code of a package is run.
"""

from __future__ import annotations

import ast
import functools
import logging
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from tqdm import tqdm
from unearth import Link, PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from benchmark import patience
from benchmark.errors import BenchmarkError
from benchmark.patience import Fault
from benchmark.progress import progress_bar
from benchmark.sources.cache import require_space

T = TypeVar("T")

DEFAULT_INDEX = "https://pypi.org/simple"
SETTINGS = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy", "cert", "client-cert")
WAITS = (1.0, 2.0, 4.0)
"""Seconds before the second attempt, the third, ...; an attempt that brought bytes does not count."""
TRANSIENT = (408, 429, 500, 502, 503, 504)
REMEDY = "check the network and pip's settings (`pip config list`), or set PIP_FIND_LINKS to a folder that holds it"


@functools.cache
def pip_settings() -> dict[str, str]:
    """What pip is set to: the environment before its files, and of these the section `download` before `global`."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    found: dict[str, str] = {}
    for section in ("global", "download"):
        for line in listed.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(f"{section}."):
                found[key.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    for setting in (*SETTINGS, "timeout", "default-timeout"):
        if stated := os.environ.get(f"PIP_{setting.replace('-', '_').upper()}"):
            found[setting] = stated
    return found


def find_file(package: str, file: str, sha256: str) -> Link:
    """Where the index keeps that file of a package.

    Raises `BenchmarkError` where no index can be reached, and where none of them lists the file with that digest.
    """
    return patiently(lambda: _find(package, file, sha256), f"the list of {package}")


def _find(package: str, file: str, sha256: str) -> Link:
    settings = pip_settings()
    indexes = [] if settings.get("no-index", "").lower() in ("1", "true", "yes", "on") else _indexes(settings)
    fetcher: Any
    places = [("find_links", place) for place in settings.get("find-links", "").split()]
    failures: list[httpx2.HTTPError] = []
    others: set[str] = set()
    changed = False
    logging.getLogger("unearth").setLevel(logging.ERROR)  # it warns of every index that lacks the package
    with _client(settings, indexes, failures) as fetcher:
        for kind, place in [*places, *(("index_urls", index) for index in indexes)]:
            try:
                finder = PackageFinder(fetcher, ignore_compatibility=True, **_only(kind, place))
                found = [package.link for package in finder.find_all_packages(package, allow_yanked=True)]
            except (httpx2.TransportError, httpx2.InvalidURL, ValueError) as error:
                failures.append(
                    error if isinstance(error, httpx2.HTTPError) else httpx2.UnsupportedProtocol(str(error))
                )
                continue
            for link in found:
                if link.filename != file:
                    others.add(link.filename)
                elif link.hash_option and sha256 not in link.hash_option.get("sha256", [sha256]):
                    changed = True
                else:
                    return link
    if changed:
        raise BenchmarkError(
            f"the index lists {file} with another digest than {sha256[:12]}...: it is not the file that was meant; "
            f"correct `sha256`, or use an index that has the original"
        )
    if failures:
        raise failures[0]
    known = f"it has {', '.join(sorted(others)[-3:])}" if others else "it does not know the package"
    where = "no index is set" if not indexes else "the index has no such file"
    raise BenchmarkError(f"{package}: {where}: {file} ({known}); {REMEDY}")


def _indexes(settings: dict[str, str]) -> list[str]:
    return [settings.get("index-url", DEFAULT_INDEX), *settings.get("extra-index-url", "").split()]


def _only(kind: str, place: str) -> dict[str, Any]:
    """A finder with one source: an empty list of indexes would mean the default one."""
    local = str(Path(place).expanduser()) if "://" not in place else place
    return {kind: [local]}


def _client(settings: dict[str, str], indexes: list[str], failures: list[httpx2.HTTPError] | None = None) -> PyPIClient:
    def note(response: httpx2.Response) -> None:
        if failures is not None and (response.status_code >= 500 or response.status_code in (401, 403, 407, 429)):
            failures.append(_status(response))

    cert = settings.get("cert")
    client = PyPIClient(
        trusted_hosts=settings.get("trusted-host", "").split(),
        verify=ssl.create_default_context(cafile=cert) if cert else True,
        cert=settings.get("client-cert"),
        timeout=float(settings.get("timeout") or settings.get("default-timeout") or 15),
        proxy=settings.get("proxy"),
        follow_redirects=True,
        event_hooks={"response": [note]},
    )
    client.auth = MultiDomainBasicAuth(prompting=False, index_urls=indexes)
    return client


def _status(response: httpx2.Response) -> httpx2.HTTPStatusError:
    return httpx2.HTTPStatusError(f"HTTP {response.status_code}", request=response.request, response=response)


def file_size(link: Link) -> int | None:
    """Bytes of the file at `link`, without fetching it; None where its server does not say."""
    if link.is_file:
        return link.file_path.stat().st_size
    settings = pip_settings()
    with _client(settings, _indexes(settings)) as client:
        response = client.head(link.url_without_fragment, headers={"Accept-Encoding": "identity"})
    length = response.headers.get("Content-Length", "")
    return int(length) if response.is_success and length.isdigit() else None


def download(link: Link, partial: Path, label: str) -> None:
    """Fetches the file at `link` to `partial`, and goes on where an earlier call was cut off.

    Raises `BenchmarkError` where its server fails or cannot be reached, and where the disk is too full.
    """
    patiently(lambda: _receive(link, partial, label), label, lambda: _size(partial))


def _receive(link: Link, partial: Path, label: str) -> None:
    if link.is_file:
        require_space(link.file_path.stat().st_size, label)
        shutil.copyfile(link.file_path, partial)
        return
    have = _size(partial)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    settings = pip_settings()
    with (
        _client(settings, _indexes(settings)) as client,
        client.get_stream(link.url_without_fragment, headers=headers) as response,
    ):
        if response.status_code == 416:  # nothing is left to send
            return
        if response.status_code >= 400:
            raise _status(response)
        resumed = response.status_code == 206
        length = response.headers.get("Content-Length", "")
        left = int(length) if length.isdigit() else 0
        require_space(left, label)
        start = have if resumed else 0
        with (
            progress_bar(start + left, label, "B", unit_scale=True, initial=start) as progress,
            partial.open("ab" if resumed else "wb") as file,
        ):
            _copy(response, file, progress)
    if left and _size(partial) < start + left:
        raise httpx2.ReadError(f"the connection ended after {_size(partial)} of {start + left} bytes")


def _copy(response: httpx2.Response, file: Any, progress: tqdm[None]) -> None:
    for chunk in response.iter_bytes():
        file.write(chunk)
        progress.update(len(chunk))
    file.flush()
    os.fsync(file.fileno())


def patiently(call: Callable[[], T], what: str, progress: Callable[[], int] | None = None) -> T:
    """`call()`, again after each transient fault, and a `BenchmarkError` when the waits are used up."""

    def fault_of(error: Exception) -> Fault | None:
        if not isinstance(error, httpx2.HTTPError):
            return None
        return Fault(_explained(error, what), _transient(error), f"{what}: {_reason(error)}")

    return patience.patiently(call, fault_of, WAITS, progress)


def _transient(error: httpx2.HTTPError) -> bool:
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code in TRANSIENT
    return isinstance(error, httpx2.TransportError) and not isinstance(error, httpx2.UnsupportedProtocol)


def _reason(error: httpx2.HTTPError) -> str:
    return (
        str(error) if isinstance(error, httpx2.HTTPStatusError | httpx2.UnsupportedProtocol) else type(error).__name__
    )


def _explained(error: httpx2.HTTPError, what: str) -> BenchmarkError:
    if isinstance(error, httpx2.HTTPStatusError) and error.response.status_code in (401, 403, 407):
        return BenchmarkError(
            f"the index refuses {what} ({_reason(error)}): put the account for it into netrc or into pip's index-url"
        )
    return BenchmarkError(f"the index cannot be reached for {what} ({_reason(error)}): {REMEDY}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
