"""The parts of a stage's out, one for each dataset: computed in shards that survive a kill, kept while their key holds.

    compute_parts(work, params)

A part is a folder. Beside what its stage writes it holds

    key.json       what it was made from: digests of parameters, inputs and code; and its files, with their digests
    record.json    where it was made: processor or GPU, versions; and which shards had to take smaller batches

A part whose key is the current one is not computed again, on whatever machine it was made. Nothing of the machine is in
the key. The shards of an unfinished part lie under `.work/`; a kill costs the shards at work, and no more.
"""

from __future__ import annotations

import logging
import shutil
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark import workers
from benchmark.dependencies import code_digest
from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file, sha256_json, sha256_tree
from benchmark.params import Params
from benchmark.progress import progress_bar
from benchmark.provenance import computed_on
from benchmark.stages.stage import selected, stage_named
from benchmark.storage import read_arrays, read_json, write_arrays, write_json

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel

Arrays = dict[str, NDArray[Any]]
WORK = Path(".work")
MADE = WORK / "made"
"""Copies of the keys of the parts that were computed in this folder, and did not come with it: for `attest`."""
KEY, RECORD = "key.json", "record.json"
LEFT, DEVICE = "token_budget", "device"
"""In a shard, beside its arrays: what was left of the budget, and on what it was computed."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """A piece of a part: `name` is unique in it, `size` counts for progress, `what` is what `compute` is told."""

    name: str
    size: int
    what: dict[str, Any] = field(default_factory=dict)


def ranges(count: int, size: int, name: str = "", /, **what: Any) -> list[Shard]:
    """Shards of `size` over `range(count)`; each gets its `rows` as a slice, and `what`."""
    starts = range(0, count, size)
    return [
        Shard(f"{name}{start:08d}", min(size, count - start), what | {"rows": slice(start, min(start + size, count))})
        for start in starts
    ]


@dataclass
class Work(ABC):
    """What a stage does for one model: of each part its shards, how one is computed, and how they are put together."""

    params: Params
    model: str

    stage = ""
    """Its name in the table; the key holds the parameters that it reads."""
    folder = ""
    """Of its parts, in the profile's data."""

    @abstractmethod
    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        """The shards of a part, as far as those that are `done` (by name) say which there are; needs no model.

        It is asked again when all that it named are done, until it names no other.
        """

    @abstractmethod
    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        """A shard: a pure function of its arguments and the inputs. `budget` is a new one for each shard."""

    @abstractmethod
    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        """Puts the shards, by name, together and writes the files of the part into `folder`; needs no model."""

    @property
    @abstractmethod
    def token_budget(self) -> int:
        """Tokens of a batch, with which every shard starts."""

    def inputs(self, dataset: str) -> dict[str, Any]:
        """What a part is made from, besides parameters and code: the dataset and the model, wherever they lie."""
        manifest = read_json(self.params.model_folder(self.model) / "manifest.json")
        return {
            "dataset": sha256_tree([self.params.dataset_folder(dataset)]),
            "model": sha256_json({name: value for name, value in manifest.items() if name != "path"}),
        }

    def place(self, dataset: str) -> Path:
        """The folder of a part."""
        return self.params.data / self.folder / self.model / dataset

    def datasets(self) -> Iterable[str]:
        """The datasets that have a part."""
        return self.params.datasets


@dataclass
class Part:
    """A part of the out of `work`; `closed` once it is finished."""

    work: Work
    dataset: str
    closed: bool = False

    @property
    def name(self) -> str:
        return f"{self.work.stage} {self.work.model} {self.dataset}"

    @property
    def folder(self) -> Path:
        return self.work.place(self.dataset)

    @cached_property
    def key(self) -> dict[str, str]:
        """Digests of all that decides the part; the device is `auto` where the parameters say so."""
        stage, params, model = self.work.stage, self.work.params, self.work.model
        return {
            "parameters": sha256_json(selected(params, stage_named(stage).reads, model)),
            "inputs": sha256_json(self.work.inputs(self.dataset)),
            "code": code_digest(stage, params),
        }

    @property
    def finished(self) -> bool:
        """Whether the part is there, whole, with the current key; a warning says what is not so."""
        path = self.folder / KEY
        if not path.is_file():
            return False
        try:
            recorded = read_json(path)
            changed = [name for name, value in self.key.items() if recorded.get(name) != value]
            files = {name: sha256_file(self.folder / name) for name in recorded["files"]}
        except (BenchmarkError, OSError, KeyError, AttributeError):
            changed, recorded, files = [], {}, {}
        if not changed and files and files == recorded["files"]:
            return True
        why = f"{' and '.join(changed)} changed" if changed else "it is not whole"
        log.warning("%s is computed again: %s", self.name, why)
        return False

    @property
    def shelf(self) -> Path:
        """Where its shards lie until it is finished."""
        work = self.work
        place = WORK / work.params.profile / work.stage / work.model / self.dataset
        return place / sha256_json(self.key)[:32]

    @cached_property
    def done(self) -> Shelf:
        return Shelf(self.shelf)

    def missing(self) -> list[Shard]:
        """The shards to compute next; none when all are there."""
        shards = self.work.shards(self.dataset, self.done)
        missing = [shard for shard in shards if shard.name not in self.done]
        if 0 < len(missing) < len(shards):
            log.info("%s: %d of %d shards are there", self.name, len(shards) - len(missing), len(shards))
        return missing

    def finish(self) -> None:
        """Writes the folder from the shards, whole or not at all, and removes the shards."""
        found = {shard.name: self.done[shard.name] for shard in self.work.shards(self.dataset, self.done)}
        left = {name: self.done.left(name) for name in found}
        new = self.folder.with_name(f".{self.folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        try:
            self.work.write(self.dataset, found, new)
            files = {path.name: sha256_file(path) for path in sorted(new.iterdir())}
            halved = {name: tokens for name, tokens in left.items() if tokens < self.work.token_budget}
            where = computed_on(self.work.params.device)
            devices = sorted({self.done.device(name) for name in found}) or [where["device"]]
            write_json(new / RECORD, where | {"device": ", ".join(devices), "smaller_batches": halved})
            write_json(new / KEY, self.key | {"files": files})
            shutil.rmtree(self.folder, ignore_errors=True)
            new.rename(self.folder)
            write_json(MADE / self.folder / KEY, self.key | {"files": files})
        finally:
            shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(self.shelf.parent, ignore_errors=True)
        self.closed = True


class Shelf(Mapping[str, Arrays]):
    """The finished shards of a part, by name, read from where they lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def __getitem__(self, name: str) -> Arrays:
        if name not in self:
            raise KeyError(name)
        arrays = read_arrays(self.path(name))
        del arrays[LEFT], arrays[DEVICE]
        return arrays

    def left(self, name: str) -> int:
        """What was left of the token budget."""
        return int(read_arrays(self.path(name))[LEFT])

    def device(self, name: str) -> str:
        """The processor or GPU that computed it."""
        return str(read_arrays(self.path(name))[DEVICE])

    def __contains__(self, name: object) -> bool:
        path = self.path(str(name))
        try:
            # listed, for NFS may still say of a single file what was so before another node wrote it
            return path in self.folder.glob("*.npz") and {LEFT, DEVICE} <= read_arrays(path).keys()
        except BenchmarkError:  # only a disk that lost a renamed file's blocks gets here: compute it again
            path.unlink()
            return False

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self.folder.glob("[!.]*.npz")))

    def __len__(self) -> int:
        return len(list(iter(self)))


@dataclass(frozen=True)
class Tasks:
    """The `workers.Job` of a stage: shards of its parts. `cache` holds the model while this process needs it."""

    work: Work
    tasks: list[tuple[str, Shard, Path]]
    cache: dict[str, LoadedModel]

    def __len__(self) -> int:
        return len(self.tasks)

    def load(self) -> LoadedModel:
        from benchmark.stages.computing import load

        if not self.cache:
            self.cache[self.work.model] = load(self.work.params, self.work.model)
        return self.cache[self.work.model]

    def perform(self, loaded: LoadedModel, index: int) -> None:
        from benchmark.models.budget import Budget

        dataset, shard, path = self.tasks[index]
        if shard.name in Shelf(path.parent):  # by a worker that was lost before it could say so
            return
        budget = Budget(self.work.token_budget)
        arrays = self.work.compute(loaded, dataset, shard, budget)
        device = computed_on(self.work.params.device)["device"]
        write_arrays(path, **arrays, **{LEFT: np.array(budget.tokens), DEVICE: np.array(device)})


def compute_parts(work: Work) -> None:
    """Computes what is missing of every part, and finishes each as soon as its shards are there.

    Raises `BenchmarkError` that names the first dataset that failed, once the others are finished.
    """
    failed: dict[str, Exception] = {}
    cache: dict[str, LoadedModel] = {}
    parts = [Part(work, dataset) for dataset in work.datasets()]
    for part in parts:
        with _noting(failed, part.dataset):
            part.closed = part.finished
    while parts := [part for part in parts if not part.closed and part.dataset not in failed]:
        tasks: list[tuple[str, Shard, Path]] = []
        for part in parts:
            with _noting(failed, part.dataset):
                shards = part.missing()
                tasks += [(part.dataset, shard, part.done.path(shard.name)) for shard in shards]
                if not shards:
                    part.finish()
        _perform(Tasks(work, tasks, cache), {part.dataset: part for part in parts}, failed)
    if failed:
        dataset, first = next(iter(failed.items()))
        others = f", and {', '.join(list(failed)[1:])} failed, too" if len(failed) > 1 else ""
        raise BenchmarkError(
            f"{work.stage} {work.model} {dataset}: {first}{others}; what is finished is kept, and the next run goes "
            "on there"
        ) from first


@contextmanager
def _noting(failed: dict[str, Exception], dataset: str) -> Iterator[None]:
    try:
        yield
    except (BenchmarkError, OSError) as error:
        failed.setdefault(dataset, error)


def _perform(job: Tasks, parts: dict[str, Part], failed: dict[str, Exception]) -> None:
    """Computes shards. A part is finished as soon as nothing of it is missing, which a kill then cannot undo."""
    if not job.tasks:
        return
    params, label = job.work.params, f"{job.work.stage} {job.work.model}"
    open_tasks = Counter(dataset for dataset, _, _ in job.tasks)
    total = sum(shard.size for _, shard, _ in job.tasks)
    with progress_bar(total, label, "prompt", smoothing=0.1) as progress:
        for index, failure in workers.run(job, params.device, params.threads, params.executor):
            dataset, shard, _ = job.tasks[index]
            progress.update(shard.size)
            open_tasks[dataset] -= 1
            if failure:
                failed.setdefault(dataset, failure)
            elif not open_tasks[dataset] and dataset not in failed:
                with _noting(failed, dataset):
                    if not parts[dataset].missing():
                        parts[dataset].finish()


def files_of(folder: Path) -> dict[str, str]:
    """The files of a finished part, by name, with their digests: what a later part is made from."""
    return dict(read_json(folder / KEY)["files"])


def concatenate(shards: Sequence[Arrays], along_rows: Iterable[str] | None = None) -> Arrays:
    """One set of arrays from shards: those named (all by default) are joined along axis 0, of others one is kept."""
    joined = set(shards[0] if along_rows is None else along_rows)
    return {
        name: np.concatenate([shard[name] for shard in shards]) if name in joined else shards[0][name]
        for name in shards[0]
    }
