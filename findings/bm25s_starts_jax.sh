#!/usr/bin/env bash
# bm25s: importing it starts jax, where jax happens to be installed, and changes how documents are selected.
#
# Guessed first: a BM25 library of numpy loads no accelerator; jax is used if it is asked for (`backend_selection="jax"`).
# Behaviour: `import bm25s` computes `jax.lax.top_k` once, so that jax's backend is up before anything was indexed. On a GPU
# jax then reserves three quarters of the card, and a torch model beside it runs out of memory. `backend_selection` is "auto":
# jax, if it is there, else numpy.
# What follows for a user: set JAX_PLATFORMS=cpu before the import, and name the backend.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet bm25s==0.3.16 numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import inspect
import sys
from importlib.metadata import version

import numpy

print("bm25s", version("bm25s"), "jax", version("jax"), "numpy", numpy.__version__)
assert "jax" not in sys.modules
import bm25s
from bm25s import selection

started = sys.modules["jax._src.xla_bridge"].backends_are_initialized() if "jax" in sys.modules else False
default = inspect.signature(bm25s.BM25.retrieve).parameters["backend_selection"].default
print("jax imported:", "jax" in sys.modules, "| its backend is up:", started)
print("backend_selection:", default, "| jax is taken:", selection.JAX_IS_AVAILABLE)
assert started, "the behaviour changed: importing bm25s no longer starts jax"
assert default == "auto" and selection.JAX_IS_AVAILABLE, "the behaviour changed"
PYTHON
