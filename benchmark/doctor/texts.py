"""Gold answers and prompts by the model's own tokens, of every model and dataset whose stages have run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmark.doctor.finding import Finding, fix, note, ok
from benchmark.params import Params
from benchmark.planning.lengths import Lengths
from benchmark.planning.plan import lengths_for


def check_texts(params: Params) -> Iterator[Finding]:
    """Answers that the model cannot give whole are counted; prompts beyond what it can read would end the run."""
    pairs = 0
    for model in params.models:
        context = None
        for dataset in params.datasets:
            lengths = lengths_for(params, model, dataset)
            if lengths.origin != "counted":
                continue
            context = context or _context(params, model)
            pairs += 1
            yield from _answers(f"{dataset} with {model}", lengths)
            yield from _prompts(f"{dataset} with {model}", lengths, context, params)
    if pairs:
        yield ok("texts", f"answers and prompts of {pairs} pairs of model and dataset were counted in tokens")


def _context(params: Params, model: str) -> int:
    """Tokens of the longest prompt, read off the model's config."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from benchmark.models.decoder import find_decoder
    from benchmark.models.places import weights_folder
    from benchmark.storage import read_json

    folder = params.model_folder(model)
    path = weights_folder(folder, read_json(folder / "manifest.json"))
    config = AutoConfig.from_pretrained(path, trust_remote_code=False, local_files_only=True)
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return find_decoder(skeleton, name=model, mlp=params.models[model].mlp).context


def _answers(subject: str, lengths: Lengths) -> Iterator[Finding]:
    if lengths.kind != "generative":
        return
    sizes = [max(each) for each in (*lengths.pool_continuations, *lengths.continuations)]
    long = [size for size in sizes if size > lengths.max_new_tokens]
    if long:
        yield note(
            subject,
            f"{len(long)} of {len(sizes)} gold answers take more tokens than max_new_tokens, {lengths.max_new_tokens}: "
            f"no answer can equal them; set it to {max(long)}",
        )


def _prompts(subject: str, lengths: Lengths, context: int, params: Params) -> Iterator[Finding]:
    """One demonstration stands before every query; which of them make up a set is drawn later."""
    generated = lengths.max_new_tokens if lengths.kind == "generative" else 0
    after = [
        size + max(generated, *each) for size, each in zip(lengths.query_input, lengths.continuations, strict=True)
    ]
    blocks = np.sort(lengths.block)[::-1]
    shots = max(1, *params.quality.set_sizes)
    one, several = (int(lengths.bos + blocks[:count].sum() + max(after)) for count in (1, shots))
    if one > context:
        yield fix(
            subject,
            f"the longest prompt of one demonstration takes {one} tokens, the model holds {context}: set "
            f"`max_characters`, or use a model with a longer context",
        )
    elif several > context:
        yield note(
            subject,
            f"a prompt of {shots} demonstrations can take {several} tokens, the model holds {context}: the run fails "
            f"where one is drawn; set `max_characters`, or smaller `set_sizes`",
        )
