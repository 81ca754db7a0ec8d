#!/usr/bin/env bash
# safetensors: the same tensors with the same metadata are other bytes at every save.
#
# Guessed first: a format made for exact weights is deterministic; equal arguments give equal files, as they do for tensors
# given in another order (these are sorted).
# Behaviour: with two or more entries in `metadata`, the header lists them in an order drawn anew at each call, even within
# one process. The length stays, the SHA-256 does not. With one entry, such as {"format": "pt"}, files are equal.
# What follows for a user: a digest of a checkpoint with metadata says nothing of its weights. Compare tensors, or put all
# metadata into one entry (a JSON text).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import hashlib
import json
from importlib.metadata import version

import numpy
from safetensors.numpy import save

print("safetensors", version("safetensors"))


def digests(metadata: dict[str, str], times: int = 40) -> set[str]:
    tensors = {"weight": numpy.arange(6, dtype=numpy.float32)}
    return {hashlib.sha256(save(tensors, metadata=metadata)).hexdigest() for _ in range(times)}


tensors = {name: numpy.zeros(2, numpy.float32) for name in "ab"}
assert save(tensors) == save(dict(reversed(tensors.items()))), "tensors are no longer sorted"
four = {"format": "pt", "licence": "Apache-2.0", "step": "1000", "seed": "1"}
counts = {
    "no metadata": len(digests({})),
    "one entry": len(digests({"format": "pt"})),
    "four entries": len(digests(four)),
    "four entries as one JSON text": len(digests({"about": json.dumps(four)})),
}
for what, count in counts.items():
    print(f"{what}: {count} different files in 40 saves")
assert counts["four entries"] > 1, "the behaviour changed: metadata has an order now"
assert all(count == 1 for what, count in counts.items() if what != "four entries"), "the behaviour changed"
PYTHON
