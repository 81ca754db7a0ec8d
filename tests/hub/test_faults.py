"""Every fault of the hub, of what it holds and of the machine, through the command line of the paper profile.

Each ends in one line and exit code 1, leaves the outs of an earlier run as they are, and the next run goes on.
"""

from __future__ import annotations

import json
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from huggingface_hub import constants

from benchmark.cli import main
from tests.hub_server import Fault, HubServer, Repository
from tests.hub_server.datasets import FEATURES, dataset_repository, make_rows, to_parquet
from tests.hub_server.models import model_repository, write_model
from tests.hub_server.server import STRANGER, TOKEN

ROOT = Path(__file__).parents[2]
PARAMS = Path("paper/params.yaml")
MODEL = "llama_3b"
CDN, FILES = r"^/cdn/", r"/resolve/"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("llama"), "llama", max_shard_size="20KB")


@dataclass
class World:
    """The paper profile in a folder of its own, its models and datasets in small on `hub`."""

    hub: HubServer
    folder: Path
    weights: Path
    patch: pytest.MonkeyPatch

    @property
    def params(self) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load(PARAMS.read_text())
        return content

    def set(self, section: str, name: str, **entry: Any) -> None:
        content = self.params
        content[section][name] |= entry
        PARAMS.write_text(yaml.safe_dump(content))

    def model(self, files: dict[str, bytes | None] | None = None, **config: Any) -> Repository:
        """Publishes the model: other files (None: without it), other entries of its config."""
        repository = model_repository(self.weights, self.params["models"][MODEL]["repository"], gated=True)
        written = json.loads((self.weights / "config.json").read_text()) | config
        repository.files["config.json"] = json.dumps(written).encode()
        repository.files |= {name: content for name, content in (files or {}).items() if content is not None}
        for name in (name for name, content in (files or {}).items() if content is None):
            del repository.files[name]
        self.set("models", MODEL, revision=repository.revision, shape=None)
        return self.hub.publish(repository)

    def dataset(self, name: str, train: bytes | None = None, files: dict[str, bytes] | None = None) -> Repository:
        """Publishes the dataset, with another train split or other files."""
        repository = dataset_repository(self.params["datasets"][name]["template"])
        if train is not None:
            repository.files[next(file for file in repository.files if "train" in file)] = train
        if files is not None:
            repository.files = {**files}
        self.set("datasets", name, revision=repository.revision, pool=20, queries=8)
        return self.hub.publish(repository)

    def publish(self, kind: str, name: str) -> None:
        """What a stage needs, and all is well with it."""
        self.hub.faults.clear()
        self.model() if kind == "model" else self.dataset(name)

    def forget_cache(self) -> None:
        shutil.rmtree(constants.HF_HUB_CACHE)

    def outs(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(Path("paper/data").rglob("*")) if path.is_file()}

    def words(self, stage: str, name: str) -> list[str]:
        """The command line; the dataset stage takes all datasets of a profile, which then has this one only."""
        if stage != "dataset":
            return ["--params", str(PARAMS), stage, name]
        content = self.params
        content["datasets"] = {name: content["datasets"][name]}
        PARAMS.write_text(yaml.safe_dump(content))
        return ["--params", str(PARAMS), stage]

    def run(self, stage: str, name: str) -> tuple[int, str]:
        """Exit code and standard error."""
        done = CliRunner().invoke(main, self.words(stage, name))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stderr

    def process(self, stage: str, name: str, **more: Any) -> subprocess.Popen[str]:
        """The same in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "benchmark", *self.words(stage, name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )


@pytest.fixture
def world(hub: HubServer, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "paper").mkdir()
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / PARAMS, PARAMS)
    for name, value in {
        "HF_TOKEN": TOKEN,
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(Path(constants.HF_HUB_CACHE).parent),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONPATH": str(ROOT),
    }.items():
        monkeypatch.setenv(name, value)
    return World(hub, tmp_path, weights, monkeypatch)


def settings(section: str, name: str, **entry: Any) -> Callable[[World], None]:
    return lambda world: world.set(section, name, **entry)


def token(value: str | None) -> Callable[[World], None]:
    def fault(world: World) -> None:
        world.forget_cache()
        world.patch.setenv("HF_TOKEN", value) if value else world.patch.delenv("HF_TOKEN")

    return fault


def fails(path: str, **kind: Any) -> Callable[[World], None]:
    """What goes wrong lasts; nothing is in the cache."""

    def fault(world: World) -> None:
        world.forget_cache()
        world.hub.fail(path, **{"times": 999} | kind)

    return fault


def missing(file: str) -> Callable[[World], None]:
    """The listing names a file that is gone."""
    return fails(f"/{re.escape(file)}$", status=404, headers={"X-Error-Code": "EntryNotFound"})


def stuck(world: World) -> None:
    world.patch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    fails(CDN, delay=0.5)(world)


def model_with(files: dict[str, bytes | None] | None = None, **config: Any) -> Callable[[World], None]:
    return lambda world: (world.model(files, **config), None)[1]


def rows_with(name: str, template: str, change: dict[str, Any]) -> Callable[[World], None]:
    rows = [row | change for row in make_rows(template, 40, 0)]
    return lambda world: (world.dataset(name, to_parquet(rows, FEATURES[template])), None)[1]


def dataset_with(name: str, **what: Any) -> Callable[[World], None]:
    return lambda world: (world.dataset(name, **what), None)[1]


def pickles(world: World) -> None:
    names: dict[str, bytes | None] = {path.name: None for path in world.weights.glob("*.safetensors*")}
    world.model(names | {"pytorch_model.bin": b"\x80\x04"})


def no_padding(world: World) -> None:
    content = json.loads((world.weights / "tokenizer_config.json").read_text())
    kept = {key: value for key, value in content.items() if key not in ("bos_token", "eos_token", "pad_token")}
    world.model({"tokenizer_config.json": json.dumps(kept).encode()})


RENAMED = to_parquet([{"problem": row["question"], "answer": row["answer"]} for row in make_rows("gsm8k", 40, 0)])
REMOTE = {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}
ARC, GSM8K = ("dataset", "arc_challenge"), ("dataset", "gsm8k")
CASES: dict[str, tuple[tuple[str, ...], Callable[[World], None], str]] = {
    "401": (("model", MODEL), token("hf_expired"), r"hub refuses .*\(401\).*the token is not valid"),
    "403 gated": (("model", MODEL), token(STRANGER), r"accept its licence at http.* the account that your HF_TOKEN"),
    "gated, no token": (("model", MODEL), token(None), r"accept its licence at http.* pass a token .*HF_TOKEN=hf_"),
    "404 repository": (("model", MODEL), settings("models", MODEL, repository="a/b"), r"a/b is not on http"),
    "404 revision": (("model", MODEL), settings("models", MODEL, revision="0" * 40), r"has no revision 0{40}"),
    "404 file": (
        ("model", MODEL),
        fails(r"tokenizer\.json$", status=404, headers={"X-Error-Code": "EntryNotFound"}),
        r"has no tokenizer\.json: is the revision right",
    ),
    "429": (("model", MODEL), fails(FILES, status=429), r"limits our requests \(429\).*what was fetched is kept"),
    "500": (("model", MODEL), fails(r"^/api/", status=500), r"the hub fails with 500 for the listing"),
    "503": (("dataset", "gsm8k"), fails(CDN, status=503), r"the hub fails with 503 for main/test-.*parquet"),
    "cut and gone": (
        ("model", MODEL),
        fails(CDN, cut=5000, times=1, then=Fault(FILES, status=502, times=999)),
        r"the hub fails with 502 for model-0.*safetensors",
    ),
    "wrong hash": (("model", MODEL), fails(CDN, flip=True), r"does not have the hash that the hub reports .*, twice"),
    "stuck server": (("model", MODEL), stuck, r"cannot be reached for model-0.*\(ReadTimeout\)"),
    "a login page": (
        ("model", MODEL),
        fails(r"^/api/", status=200),
        r"answers as no hub does when asked",
    ),
    "pickle only": (("model", MODEL), pickles, r"holds weights as pickle only"),
    "remote code": (("model", MODEL), model_with(model_type="new", auto_map=REMOTE), r"needs code from its repository"),
    "unknown type": (("model", MODEL), model_with(model_type="new"), r"does not know model type 'new'"),
    "a config that is none": (
        ("model", MODEL),
        model_with(num_hidden_layers="two"),
        r"describes no model .*num_hidden_layers",
    ),
    "a config that cannot be": (
        ("model", MODEL),
        model_with(hidden_act="none"),
        r"describes no model .*'none'",
    ),
    "a broken config": (("model", MODEL), model_with({"config.json": b'{"a'}), r"config\.json is not a JSON file"),
    "no pad token": (("model", MODEL), no_padding, r"neither a pad token nor one to stand in"),
    "a broken tokenizer": (
        ("model", MODEL),
        model_with({"tokenizer.json": b"{}"}),
        r"tokenizer in .* cannot be loaded",
    ),
    "an index of nothing": (
        ("model", MODEL),
        model_with({"model.safetensors.index.json": b'{"weight_map": {"a": "b.safetensors"}}'}),
        r"its index names b\.safetensors",
    ),
    "MLPs not found": (
        ("model", MODEL),
        settings("models", MODEL, mlp="none"),
        r"models\.llama_3b\.mlp: 'none' matches 0",
    ),
    "another shape": (
        ("model", MODEL),
        settings("models", MODEL, shape=yaml.safe_load((ROOT / PARAMS).read_text())["models"][MODEL]["shape"]),
        r"shape\.layers is 28 in the parameters, but 2 in its config",
    ),
    "changed columns": (
        GSM8K,
        dataset_with("gsm8k", train=RENAMED),
        r"has no column 'question' \(it has 'problem', 'answer'\)",
    ),
    "label outside": (ARC, rows_with("arc_challenge", "arc", {"answerKey": "F"}), r"answer 'F' is outside the choices"),
    "no number": (
        GSM8K,
        rows_with("gsm8k", "gsm8k", {"answer": "Many."}),
        r"answer has no number after '####': 'Many\.'",
    ),
    "a damaged file": (ARC, dataset_with("arc_challenge", train=b"PAR1 and no more"), r"parquet cannot be read"),
    "scripts": (
        ARC,
        dataset_with("arc_challenge", files={"arc.py": b""}),
        r"holds no Parquet files \(scripts are never run",
    ),
    "a broken card": (
        ARC,
        dataset_with("arc_challenge", files={"README.md": b"---\nconfigs: [\n---\n"}),
        r"is not a YAML mapping",
    ),
    "an odd card": (
        ARC,
        dataset_with("arc_challenge", files={"README.md": b"---\nconfigs: all\n---\n", "a.parquet": b""}),
        r"`configs` of its card is not a list",
    ),
    "too few rows": (
        ARC,
        settings("datasets", "arc_challenge", pool=1000),
        r"train gives \d+ usable examples of 40 rows",
    ),
    "no such split": (
        ARC,
        settings("datasets", "arc_challenge", query_split="dev"),
        r"no split 'dev': it has train, test",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_ends_in_one_line_and_loses_nothing(world: World, case: str) -> None:
    command, fault, line = CASES[case]
    world.publish(*command)
    assert world.run(*command) == (0, "")
    before, kept = world.outs(), PARAMS.read_text()
    fault(world)
    code, said = world.run(*command)
    assert code == 1
    assert len(said.splitlines()) == 1, said
    assert said.startswith("error: ")
    assert re.search(line, said), said
    assert world.outs() == before, "an earlier out was touched"
    if world.hub.faults:  # the hub is well again: what came before the fault is gone on with
        PARAMS.write_text(kept)
        world.publish(*command)
        assert world.run(*command) == (0, "")
        assert world.outs() == before


def limit_files(size: int) -> None:
    """From here on no file of this process grows beyond so many bytes: a full disk that needs no privilege to make."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_and_a_kill_in_mid_file_lose_no_byte_that_came(world: World) -> None:
    world.publish("model", MODEL)
    assert world.run("model", MODEL) == (0, "")
    before = world.outs()
    world.forget_cache()

    size = max(path.stat().st_size for path in world.weights.glob("*.safetensors"))  # that of a matrix of embeddings
    room, more = size - 5000, size - 3000
    full = world.process("model", MODEL, preexec_fn=partial(limit_files, room))
    out, said = full.communicate()
    assert (full.returncode, out, len(said.splitlines())) == (1, "", 1), said
    assert re.match(r"error: the disk of .* is full: meta-llama/\S+ needs 0\.00 GB more and .* set HF_HOME", said)
    (left,) = Path(constants.HF_HUB_CACHE).rglob("*.incomplete")
    assert left.stat().st_size == room

    world.hub.fail(CDN, cut=more - room, stall=60)
    killed = world.process("model", MODEL)
    while left.stat().st_size < more:
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert world.outs() == before

    world.hub.fail(FILES, status=429, headers={"Retry-After": "1"})
    last = world.process("model", MODEL)
    out, said = last.communicate()
    assert (last.returncode, out) == (0, "")
    assert re.fullmatch(r"model-\S+ of meta-llama/\S+: HTTP 429; attempt 2 in 1 s\n", said), said
    resumed = [headers.get("Range") for _, path, headers in world.hub.requests if path.startswith("/cdn/")]
    assert [asked for asked in resumed if asked] == [f"bytes={room}-", f"bytes={more}-"]
    assert world.outs() == before


def test_a_full_disk_leaves_the_earlier_dataset(world: World) -> None:
    world.publish("dataset", "gsm8k")
    assert world.run("dataset", "gsm8k") == (0, "")
    before = world.outs()
    full = world.process("dataset", "gsm8k", preexec_fn=partial(limit_files, 500))
    _, said = full.communicate()
    assert (full.returncode, len(said.splitlines())) == (1, 1), said
    assert re.match(r"error: dataset gsm8k: cannot write \S+/pool\.jsonl: File too large", said), said
    assert world.outs() == before
