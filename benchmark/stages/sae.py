"""sae@M: a sparse autoencoder for each site of one layer of a model, and what its features say of every candidate.

Two outs, of parts of their own: the dictionaries, which are dear where training is and which a profile may keep in git
(`paths.kept: [sae]`), and the features of each pool, which any machine computes from them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.texts import read_texts
from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_tree
from benchmark.params import Params
from benchmark.parts import Arrays, Part, Shard, Work, compute_parts, ranges
from benchmark.seeds import generator
from benchmark.stages.features import FeaturesOfPools, reader_of
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage

if TYPE_CHECKING:
    from benchmark.models.budget import Budget
    from benchmark.models.loading import LoadedModel
    from benchmark.params import SaeModel
    from benchmark.sae.activations import Reader, Site
    from benchmark.sae.autoencoder import Autoencoder
    from benchmark.tasks.tokens import Ids

PART = "dictionaries"
LENGTHS = "lengths"
CROSS_ENTROPY = 2048
"""Tokens over which the recovered cross-entropy is taken."""
log = logging.getLogger(__name__)


class Dictionaries(Work):
    """One part: tokens are counted, activations read, dictionaries trained and measured."""

    stage = "sae"
    folder = "sae"

    @property
    def section(self) -> SaeModel:
        return self.params.sae.models[self.model]

    @property
    def token_budget(self) -> int:
        return self.section.token_budget

    def datasets(self) -> list[str]:
        return [PART]

    def place(self, dataset: str) -> Path:
        return self.params.data / self.folder / self.model

    def inputs(self, dataset: str) -> dict[str, Any]:
        folders = {name: sha256_tree([self.params.data / name]) for name in ("datasets", "text")}
        return {"model": super().inputs(next(iter(self.params.datasets)))["model"]} | folders

    @cached_property
    def texts(self) -> list[str]:
        """All that is left over, in random order."""
        left = [
            text for name in self.params.datasets for text in read_texts(self.params.data / "text" / f"{name}.jsonl")
        ]
        if not left:
            raise BenchmarkError(
                "no text is left over: every row is a candidate or a query; lower pool, or take the model out of "
                "sae.models"
            )
        return [left[i] for i in generator(self.params.seed, "sae", "texts").permutation(len(left))]

    def split(self, lengths: NDArray[np.int64]) -> tuple[int, int]:
        """How many of `texts` are held out, and how many up to the last one of training; `lengths` are their rows."""
        total = np.cumsum(lengths)
        held_out = min(int(np.searchsorted(total, self.section.held_out)) + 1, len(total))
        asked = total[held_out - 1] + self.section.tokens
        return held_out, min(int(np.searchsorted(total, asked)) + 1, len(total))

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        section, sites = self.section, self.section.sites
        found = [Shard(LENGTHS, len(self.texts))]
        if LENGTHS not in done:
            return found
        held_out, last = self.split(done[LENGTHS]["lengths"])
        if held_out >= last:
            raise BenchmarkError(
                f"the text that is left over has {int(done[LENGTHS]['lengths'].sum())} tokens, and {section.held_out} "
                "of them are held out: lower held_out, or pool"
            )
        read = [
            *ranges(held_out, section.shard, "held_out_", first=0),
            *ranges(last - held_out, section.shard, "training_", first=held_out),
        ]
        found += read
        if any(shard.name not in done for shard in read):
            return found
        names = {kind: [each.name for each in read if each.name.startswith(kind)] for kind in ("held_out", "training")}
        trained = [Shard(f"train_{site}", last - held_out, {"done": done, "read": names}) for site in sites]
        found += trained
        if any(shard.name not in done for shard in trained):
            return found
        return found + [Shard(f"measure_{site}", held_out, {"done": done, "read": names}) for site in sites]

    def compute(self, loaded: LoadedModel, dataset: str, shard: Shard, budget: Budget) -> Arrays:
        kind, _, name = shard.name.partition("_")
        if shard.name == LENGTHS:
            return self.count(loaded)
        if kind == "train":
            return self.train(loaded, name, shard.what)  # type: ignore[arg-type]
        if kind == "measure":
            return self.measure(loaded, name, shard.what, budget)  # type: ignore[arg-type]
        return self.read(loaded, shard.what, budget)

    def reader(self, loaded: LoadedModel) -> Reader:
        return reader_of(self.params, self.model, loaded)

    def ids(self, loaded: LoadedModel, texts: Sequence[str]) -> list[Ids]:
        """The tokens of texts, as those of candidates; no more than the model reads."""
        from benchmark.models.decoder import find_decoder
        from benchmark.tasks.tokens import encode, leading_ids

        first = leading_ids(loaded.tokenizer) if loaded.add_bos else ()
        context = find_decoder(loaded.model, name=loaded.name, mlp=self.params.models[self.model].mlp).context
        return [(*first, *each.ids)[:context] for each in encode(loaded.tokenizer, texts)]

    def count(self, loaded: LoadedModel) -> Arrays:
        """How many rows each text gives; a warning says where they are fewer than was asked for."""
        lengths = np.array([len(each) - 1 for each in self.ids(loaded, self.texts)], dtype=np.int64)
        asked, there = self.section.tokens + self.section.held_out, int(lengths.sum())
        if there < asked:
            log.warning(
                "sae %s: the text that is left over has %d tokens of the %d asked for: trained on what there is",
                self.model,
                there,
                asked,
            )
        self.reader(loaded)  # a layer that is not there ends it here
        return {"lengths": lengths}

    def read(self, loaded: LoadedModel, what: Mapping[str, Any], budget: Budget) -> Arrays:
        """The vectors of a shard's texts at each site, float32 [token, hidden]."""
        import torch

        rows = what["rows"]
        ids = self.ids(loaded, self.texts[what["first"] + rows.start : what["first"] + rows.stop])
        found = dict(self.reader(loaded).read(ids, budget))
        return {
            site: torch.cat([found[index][site] for index in range(len(ids))]).cpu().numpy()
            for site in self.section.sites
        }

    def train(self, loaded: LoadedModel, site: Site, what: Mapping[str, Any]) -> Arrays:
        from dataclasses import fields

        import torch

        from benchmark.sae.training import Settings, train

        section = self.section
        settings = Settings(**{each.name: getattr(section, each.name) for each in fields(Settings)})
        rows = torch.from_numpy(joined(what["done"], what["read"]["training"], site)).to(loaded.device)
        checkpoint = Part(self, PART).shelf / f"{site}.safetensors"
        found = train(rows, settings, self.params.seed, checkpoint, f"sae {self.model} {site}")
        arrays = {each.name: getattr(found.autoencoder, each.name).cpu().numpy() for each in fields(found.autoencoder)}
        return arrays | {"alive": np.array(found.alive), "tokens": np.array(len(rows))}

    def autoencoder(self, done: Mapping[str, Arrays], site: str) -> Autoencoder:
        from dataclasses import fields

        import torch

        from benchmark.sae.autoencoder import Autoencoder

        arrays = done[f"train_{site}"]
        return Autoencoder(**{each.name: torch.from_numpy(arrays[each.name]) for each in fields(Autoencoder)})

    def measure(self, loaded: LoadedModel, site: Site, what: Mapping[str, Any], budget: Budget) -> Arrays:
        """How good a dictionary is on what was held out. Raises `BenchmarkError` where all its features are dead."""
        import torch

        from benchmark.sae.measures import fit, recovered

        autoencoder = self.autoencoder(what["done"], site).to(loaded.device)
        rows = torch.from_numpy(joined(what["done"], what["read"]["held_out"], site)).to(loaded.device)
        found = fit(autoencoder, rows)
        if found.l0 == 0:
            raise BenchmarkError(
                f"every feature of the {site} dictionary is dead: lower sae.models.{self.model}.learning_rate, raise "
                "tokens, or take the model out of sae.models"
            )
        lengths = what["done"][LENGTHS]["lengths"]
        count = int(np.searchsorted(np.cumsum(lengths), CROSS_ENTROPY)) + 1
        ids = [each for each in self.ids(loaded, self.texts[: min(count, self.split(lengths)[0])]) if len(each) > 2]
        entropy = recovered(self.reader(loaded), site, autoencoder, ids, budget)
        values = {"unexplained": found.unexplained, "l0": found.l0, "held_out": len(rows), "recovered": entropy.share}
        values |= {"cross_entropy": entropy.plain, "cross_entropy_patched": entropy.patched}
        values |= {"cross_entropy_zero": entropy.zero}
        return {name: np.array(value) for name, value in values.items()}

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        import pandas as pd

        from benchmark.artefacts.dictionaries import write_dictionaries

        section, rows = self.section, []
        for site in section.sites:
            found, measured = self.autoencoder(shards, site), shards[f"measure_{site}"]
            found.write(folder / f"{site}.safetensors")
            trained = shards[f"train_{site}"]
            rows.append(
                {
                    "model": self.model,
                    "site": site,
                    "layer": section.layer,
                    "hidden": len(found.mean),
                    "width": found.width,
                    "tokens_asked": section.tokens,
                    "tokens": int(trained["tokens"]),
                    "passes": section.epochs,
                    "alive": float(trained["alive"]),
                    **{name: value.item() for name, value in measured.items()},
                }
            )
        write_dictionaries(folder / "dictionaries.csv", pd.DataFrame(rows))


def joined(done: Mapping[str, Arrays], names: Sequence[str], site: str) -> NDArray[np.float32]:
    """The rows of shards, one after the other, in one array that is never there twice."""
    counts = [len(done[name][site]) for name in names]
    whole = np.empty((sum(counts), done[names[0]][site].shape[1]), dtype=np.float32)
    start = 0
    for name, count in zip(names, counts, strict=True):
        whole[start : start + count] = done[name][site]
        start += count
    return whole


@stage(
    per="dictionary",
    parameters=("sae.models.{model}", "models.{model}", "seed", *COMPUTED),
    inputs=("{data}/datasets", "{data}/text", "{data}/models/{model}"),
    outs=(Out("{data}/sae/{model}"), Out("{data}/features/{model}")),
)
def run(params: Params, model: str) -> None:
    """Train sparse autoencoders on MODEL's activations, and take the scores of every candidate from their features.

    On text that is neither candidate nor query. An interrupted run resumes; training goes on with its last checkpoint.
    """
    compute_parts(Dictionaries(params, model))
    compute_parts(FeaturesOfPools(params, model))
