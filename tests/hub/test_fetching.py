from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants, hf_hub_download

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_and_git
from benchmark.hub import faults
from benchmark.hub.fetching import fetch
from benchmark.hub.repository import list_files, snapshot_folder
from tests.hub_server import Fault, HubServer, Repository
from tests.hub_server.server import STRANGER, TOKEN

pytestmark = pytest.mark.slow

WEIGHTS = np.random.default_rng(0).bytes(300_000)
BIG = "model.safetensors"


def a_repository(**more: object) -> Repository:
    return Repository("model", "owner/name", {"config.json": b"{}\n", "sub/empty.txt": b"", BIG: WEIGHTS}, **more)  # type: ignore[arg-type]


def partial_of(repository: Repository, name: str = BIG) -> Path:
    folder = snapshot_folder(repository.kind, repository.name, repository.revision).parents[1] / "blobs"
    return folder / f"{repository.etags[name]}.incomplete"


def test_files_arrive_verified_in_the_layout_of_the_cache(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)
    fetched = fetch(listing, listing.files)
    for name, content in repository.files.items():
        assert isinstance(content, bytes)
        assert (listing.snapshot / name).read_bytes() == content
        assert fetched[name].bytes == len(content)
        assert fetched[name].sha256 == hashlib.sha256(content).hexdigest()
    # huggingface_hub itself finds the file there and asks nobody
    before = len(hub.requests)
    path = hf_hub_download(
        repository.name, BIG, revision=repository.revision, cache_dir=constants.HF_HUB_CACHE, endpoint=hub.endpoint
    )
    assert Path(path).read_bytes() == WEIGHTS
    assert len(hub.requests) == before


def test_git_hash_is_that_of_git(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello\n")  # `git hash-object` of it
    assert sha256_and_git(tmp_path / "file")[1] == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_second_fetch_downloads_nothing(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)
    first = fetch(listing, listing.files)
    before = len(hub.requests)
    assert fetch(listing, listing.files) == first
    assert len(hub.requests) == before


def test_a_cut_connection_is_continued_where_it_broke(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    hub.fail(BIG, cut=100_000)
    listing = list_files("model", repository.name, repository.revision)
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS
    ranges = [headers.get("Range") for _, path, headers in hub.requests if path.startswith("/cdn/")]
    assert ranges == [None, "bytes=100000-"]


def test_what_a_dead_run_left_is_continued(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    partial = partial_of(repository)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(WEIGHTS[:250_000])
    listing = list_files("model", repository.name, repository.revision)
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS
    assert [headers["Range"] for _, path, headers in hub.requests if path.startswith("/cdn/")] == ["bytes=250000-"]
    assert not partial.exists()


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * 300_000, b"x" * 400_000], ids=["short", "whole", "too long"])
def test_a_partial_file_of_other_content_is_thrown_away(hub: HubServer, left: bytes) -> None:
    repository = hub.publish(a_repository())
    partial_of(repository).parent.mkdir(parents=True)
    partial_of(repository).write_bytes(left)
    listing = list_files("model", repository.name, repository.revision)
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS


def test_a_hub_that_goes_down_midway_ends_the_fetch_and_what_came_is_kept(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    hub.fail(r"^/cdn/", cut=100_000, then=Fault(r"/resolve/", status=503, times=99))
    listing = list_files("model", repository.name, repository.revision)
    with pytest.raises(BenchmarkError, match="fails with 503"):
        fetch(listing, [BIG])
    assert partial_of(repository).read_bytes() == WEIGHTS[:100_000]
    assert not (listing.snapshot / BIG).exists()
    hub.faults.clear()
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS


def test_a_wrong_hash_is_fetched_once_more_and_then_refused(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)
    hub.fail(r"^/cdn/", flip=True, times=1)
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS

    shutil.rmtree(constants.HF_HUB_CACHE)
    hub.fail(r"^/cdn/", flip=True, times=9)
    with pytest.raises(BenchmarkError, match=r"model\.safetensors of owner/name does not have the hash"):
        fetch(listing, [BIG])
    assert not (listing.snapshot / BIG).exists()
    assert not partial_of(repository).exists()


def test_a_damaged_file_in_the_cache_is_fetched_again(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)
    fetch(listing, [BIG])
    blob = (listing.snapshot / BIG).resolve()
    blob.write_bytes(WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]))
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS


@pytest.mark.parametrize("status", [429, 500, 503])
def test_transient_faults_are_waited_out(hub: HubServer, status: int) -> None:
    repository = hub.publish(a_repository())
    hub.fail(r"^/api/", status=status, times=2)
    hub.fail(r"/resolve/", status=status, times=3)
    listing = list_files("model", repository.name, repository.revision)
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS


def test_the_wait_that_the_hub_asks_for_is_kept(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository())
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    hub.fail(r"^/api/", status=429, headers={"Retry-After": "7"})
    hub.fail(r"^/api/", status=503, times=2)
    list_files("model", repository.name, repository.revision)
    assert slept == [7.0, faults.WAITS[1], faults.WAITS[2]]


@pytest.mark.parametrize(
    ("status", "line"),
    [(429, r"limits our requests \(429\).*HF_TOKEN"), (500, "fails with 500"), (502, "fails with 502")],
)
def test_faults_that_last_end_in_one_line(hub: HubServer, status: int, line: str) -> None:
    repository = hub.publish(a_repository())
    hub.fail(r"^/api/", status=status, times=99)
    with pytest.raises(BenchmarkError, match=line):
        list_files("model", repository.name, repository.revision)
    assert len(hub.requests) == 1 + len(faults.WAITS)


def test_gated_without_a_token(hub: HubServer) -> None:
    repository = hub.publish(a_repository(gated=True))
    listing = list_files("model", repository.name, repository.revision)
    assert listing.gated
    with pytest.raises(BenchmarkError) as caught:
        fetch(listing, [BIG])
    assert f"accept its licence at {hub.endpoint}/owner/name" in str(caught.value)
    assert "HF_TOKEN=hf_..." in str(caught.value)


def test_gated_with_a_token_of_a_stranger(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository(gated=True))
    monkeypatch.setenv("HF_TOKEN", STRANGER)
    listing = list_files("model", repository.name, repository.revision)
    with pytest.raises(BenchmarkError, match=r"accept its licence at .* the account that your HF_TOKEN belongs to"):
        fetch(listing, [BIG])


def test_gated_with_the_right_token_which_the_cdn_never_sees(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository(gated=True))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    listing = list_files("model", repository.name, repository.revision)
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS
    assert not any("authorization" in {*map(str.lower, h)} for _, path, h in hub.requests if path.startswith("/cdn/"))


def test_an_invalid_token(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository())
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    with pytest.raises(BenchmarkError, match=r"refuses owner/name \(401\).*token is not valid"):
        list_files("model", repository.name, repository.revision)


def test_an_unknown_repository(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchmarkError, match=r"owner/other.*HF_TOKEN"):
        list_files("model", "owner/other", "0" * 40)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(BenchmarkError, match=r"owner/other is not on http.*correct `repository`"):
        list_files("model", "owner/other", "0" * 40)


def test_an_unknown_revision(hub: HubServer) -> None:
    hub.publish(a_repository())
    with pytest.raises(BenchmarkError, match=r"owner/name has no revision 0000.*correct `revision`"):
        list_files("model", "owner/name", "0" * 40)


def test_an_unknown_file(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)
    with pytest.raises(BenchmarkError, match=r"owner/name at .* holds no other\.json"):
        fetch(listing, ["other.json"])
    del repository.files["config.json"]  # the listing promised a file that is gone
    with pytest.raises(BenchmarkError, match=r"owner/name at .* has no config\.json"):
        fetch(listing, ["config.json"])


def test_a_hub_that_answers_with_another_commit(hub: HubServer) -> None:
    repository = hub.publish(a_repository())
    with pytest.raises(BenchmarkError, match=r"answers with commit .* where main was asked for"):
        list_files("model", repository.name, "main")


def test_a_slow_server_is_waited_for_and_a_stuck_one_is_not(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository())
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    listing = list_files("model", repository.name, repository.revision)
    hub.fail(r"^/cdn/", delay=0.6, times=1)
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS

    shutil.rmtree(constants.HF_HUB_CACHE)
    hub.fail(r"^/cdn/", delay=0.6, times=99)
    with pytest.raises(BenchmarkError, match=r"cannot be reached for model\.safetensors of owner/name \(ReadTimeout\)"):
        fetch(listing, [BIG])


def test_nobody_listens(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BenchmarkError, match=r"http://127\.0\.0\.1:9 cannot be reached.*HF_HUB_OFFLINE=1"):
        list_files("model", "owner/name", "0" * 40)


def test_too_small_a_disk_is_seen_before_the_first_byte(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=200_000))
    before = len(hub.requests)
    with pytest.raises(BenchmarkError, match=r"disk of .* is full.*HF_HOME"):
        fetch(listing, [BIG])
    assert len(hub.requests) == before


def test_a_disk_that_gets_full_keeps_what_was_fetched(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "fsync", no_space)
        hub.fail(r"^/cdn/", cut=100_000)
        with pytest.raises(BenchmarkError, match="is full"):
            fetch(listing, [BIG])
    assert not (listing.snapshot / BIG).exists()
    assert partial_of(repository).read_bytes() in (WEIGHTS[:100_000], WEIGHTS)
    fetch(listing, [BIG])
    assert (listing.snapshot / BIG).read_bytes() == WEIGHTS


def test_offline_uses_the_cache_and_verifies_it(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)
    online = fetch(listing, listing.files)
    before = len(hub.requests)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    offline = list_files("model", repository.name, repository.revision)
    assert fetch(offline, offline.files) == online
    assert len(hub.requests) == before

    (offline.snapshot / BIG).resolve().write_bytes(b"x" * len(WEIGHTS))
    with pytest.raises(BenchmarkError, match="damaged, and HF_HUB_OFFLINE is set"):
        fetch(offline, [BIG])


def test_offline_with_a_copied_cache_that_has_no_links(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(a_repository())
    listing = list_files("model", repository.name, repository.revision)
    online = fetch(listing, listing.files)
    for name in listing.files:
        content = (listing.snapshot / name).read_bytes()
        (listing.snapshot / name).unlink()
        (listing.snapshot / name).write_bytes(content)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    offline = list_files("model", repository.name, repository.revision)
    assert fetch(offline, offline.files) == online


def test_offline_without_a_cache(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BenchmarkError, match=r"is not in the cache .* and HF_HUB_OFFLINE is set"):
        list_files("model", "owner/name", "0" * 40)
