"""Training an embedded model from a seed: the same seed gives the same bytes on the same machine.

    train("tiny_llama", "llama", seed=1, folder=Path("data/models/tiny_llama"))

The number of steps is fixed, one thread computes, and step `s` draws its rows from a generator of its own, seeded with
(seed, s): a training that was killed goes on from its last checkpoint and ends in the same bytes.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256, sha256_file
from benchmark.models.competence import competence
from benchmark.models.embedded import Size, build_model, get_architecture
from benchmark.models.muon import Muon
from benchmark.models.rows import Mixture, RowSource
from benchmark.models.tokenizer import build_tokenizer
from benchmark.storage import write_json, write_table

LOG_EVERY = 50  # steps
CHECKPOINT_EVERY = 250  # steps


@dataclass(frozen=True, slots=True)
class Stage:
    """`steps` steps on `batch` rows of `length` tokens."""

    steps: int
    batch: int
    length: int
    mixture: Mixture


EPISODES = Mixture(texts=0.04, repetitions=0.04, dictionaries=0.12)
STAGES = (
    Stage(900, 32, 64, Mixture(texts=0.1, repetitions=0.9)),
    Stage(450, 32, 64, Mixture(texts=0.2, repetitions=0.1, dictionaries=0.7)),
    Stage(3200, 24, 64, EPISODES),
    Stage(1800, 14, 112, EPISODES),  # as long as eight shots and a query
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an embedded model is trained: the stages, one after the other, and the optimisers.

    Muon moves the matrices inside the layers, AdamW the embeddings, norms and biases, both at one learning rate.
    """

    stages: tuple[Stage, ...] = STAGES
    learning_rate: float = 3e-3
    final_rate: float = 0.02  # of the learning rate, at the end of a cosine
    warmup: int = 100  # steps
    momentum: float = 0.95  # Muon's
    betas: tuple[float, float] = (0.9, 0.98)  # AdamW's
    weight_decay: float = 0.01
    clip: float = 1.0

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage(self, step: int) -> Stage:
        """The stage that a step belongs to."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        raise IndexError(f"the recipe has only {self.steps} steps")

    def rate(self, step: int) -> float:
        """The learning rate at a step: linear warm-up, then a cosine down to the final rate."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.learning_rate * (self.final_rate + (1 - self.final_rate) * (1 + math.cos(math.pi * done)) / 2)


class Trainer:
    """A model, its optimiser and the log of its loss, after `step` steps."""

    def __init__(self, architecture: str, seed: int, recipe: Recipe, size: Size) -> None:
        self.tokenizer: PreTrainedTokenizerBase = build_tokenizer(bos=get_architecture(architecture).bos)
        self.model: Any = build_model(
            architecture, size, len(self.tokenizer), self.tokenizer.bos_token_id, self.tokenizer.pad_token_id, seed
        )
        self.recipe = recipe
        self.seed = seed
        self.step = 0
        self.log: list[dict[str, float]] = []
        self._losses: list[float] = []
        self._rows = RowSource(self.tokenizer)
        embedding = self.model.get_input_embeddings().weight
        matrices = [p for p in self.model.parameters() if p.ndim == 2 and p is not embedding]
        others = [p for p in self.model.parameters() if p.ndim != 2 or p is embedding]
        rate, decay = recipe.learning_rate, recipe.weight_decay
        self._optimizers: dict[str, torch.optim.Optimizer] = {
            "muon": Muon(matrices, lr=rate, momentum=recipe.momentum, weight_decay=decay),
            "adamw": torch.optim.AdamW(others, lr=rate, betas=recipe.betas, weight_decay=decay),
        }

    def advance(self) -> float:
        """One step; returns its loss, the weighted mean of the tokens' negative log-probabilities (nats)."""
        generator = np.random.default_rng([self.seed, self.step])
        stage = self.recipe.stage(self.step)
        rows = self._rows.batch(generator, stage.batch, stage.length, stage.mixture)
        ids = torch.tensor([row.ids for row in rows])
        weights = torch.tensor([row.weights for row in rows])[:, 1:]
        logits = self.model(input_ids=ids, use_cache=False).logits[:, :-1]
        surprise = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        loss = (surprise * weights.flatten()).sum() / weights.sum()
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        for optimizer in self._optimizers.values():
            optimizer.param_groups[0]["lr"] = self.recipe.rate(self.step)
            optimizer.step()
        self.step += 1
        self._losses.append(loss.item())
        if self.step % LOG_EVERY == 0 or self.step == self.recipe.steps:
            rate = self.recipe.rate(self.step - 1)
            self.log.append({"step": self.step, "loss": float(np.mean(self._losses)), "learning_rate": rate})
            self._losses.clear()
        return loss.item()

    def save_checkpoint(self, path: Path) -> None:
        """Writes weights, moments and log into one safetensors file, whole or not at all."""
        tensors = {f"model.{name}": value for name, value in self.model.named_parameters()}
        for kind, optimizer in self._optimizers.items():
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"{kind}.{index}.{name}": value for name, value in state.items()}
        metadata = {"step": str(self.step), "log": json.dumps(self.log), "losses": json.dumps(self._losses)}
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        save_file(tensors, partial, metadata=metadata)
        partial.replace(path)

    def load_checkpoint(self, path: Path) -> None:
        """Goes on where `save_checkpoint` left off; raises `BenchmarkError` for a damaged file."""
        from safetensors import SafetensorError, safe_open

        try:
            tensors = load_file(path)
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata()
        except (OSError, SafetensorError) as error:
            raise BenchmarkError(f"the checkpoint {path} is damaged ({error}): delete it to train afresh") from error
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(tensors[f"model.{name}"])
        for kind, optimizer in self._optimizers.items():
            state: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in tensors.items():
                if key.startswith(f"{kind}."):
                    _, index, name = key.split(".")
                    state.setdefault(int(index), {})[name] = value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
        self.step = int(metadata["step"])
        self.log = json.loads(metadata["log"])
        self._losses = json.loads(metadata["losses"])


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _manifest(name: str, architecture: str, seed: int, recipe: Recipe, size: Size, folder: Path) -> dict[str, Any]:
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_file(path)} for path in sorted(folder.iterdir())
    }
    return {
        "name": name,
        "source": "embedded",
        "architecture": architecture,
        "path": None,
        "repository": None,
        "revision": None,
        "licence": None,
        "add_bos": get_architecture(architecture).bos,
        "training": {"seed": seed, "size": asdict(size), "recipe": asdict(recipe)},
        "files": files,
    }


def _replace_folder(new: Path, folder: Path) -> None:
    """Puts `new` in the place of `folder`, which is untouched until then."""
    old = new.with_suffix(".old")
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def train(
    name: str,
    architecture: str,
    seed: int,
    folder: Path,
    recipe: Recipe | None = None,
    size: Size | None = None,
    work: Path | None = None,
    competence_tasks: int = 24,
) -> pd.DataFrame:
    """Trains a model and writes it to `folder`; returns its table of competence.

    `folder` receives `model.safetensors` (float32), `config.json`, the tokenizer, `training.csv` (loss),
    `competence.csv` and `manifest.json`; what it held before stays until all of that is there. With a `work` folder, a
    checkpoint is kept there, and a training of the same name, seed, recipe and size goes on from it.
    """
    recipe, size = recipe or Recipe(), size or Size()
    settings = json.dumps([name, architecture, seed, asdict(recipe), asdict(size), torch.__version__])
    checkpoint = work / f"{sha256(settings.encode())[:16]}.safetensors" if work else None
    with _one_thread():
        trainer = Trainer(architecture, seed, recipe, size)
        if checkpoint and checkpoint.exists():
            trainer.load_checkpoint(checkpoint)
        with tqdm(total=recipe.steps, initial=trainer.step, desc=name, unit="step", disable=None) as bar:
            while trainer.step < recipe.steps:
                bar.set_postfix(loss=f"{trainer.advance():.3f}")
                bar.update()
                if checkpoint and trainer.step % CHECKPOINT_EVERY == 0:
                    trainer.save_checkpoint(checkpoint)
        table = competence(trainer.model, trainer.tokenizer, tasks=competence_tasks)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        new = Path(scratch) / "model"
        new.mkdir()
        trainer.model.save_pretrained(new)
        trainer.tokenizer.save_pretrained(new)
        for path in new.iterdir():
            path.chmod(0o644)
        write_table(new / "training.csv", pd.DataFrame(trainer.log))
        write_table(new / "competence.csv", table)
        write_json(new / "manifest.json", _manifest(name, architecture, seed, recipe, size, new))
        _replace_folder(new, folder)
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    return table
