#!/usr/bin/env bash
# torch: use_deterministic_algorithms(True) imports torch's compiler, some 900 modules, and takes about as long as `import torch`.
#
# Guessed first: it sets a flag of the library; a call costs nothing.
# Behaviour: it also sets a setting of torch._inductor, and imports that for the purpose: torch._dynamo, sympy and, where it is
# installed, triton come with it. A short process that runs no compiled code spends half of its start on them. The
# warn_only form does the same. `torch.set_deterministic_debug_mode` sets the flag without the import.
# What follows for a user: in many short processes the flag has a price; fork them from one that has set it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
for call in 'use_deterministic_algorithms(True)' 'use_deterministic_algorithms(True, warn_only=True)' 'set_deterministic_debug_mode("error")'; do
  CALL=$call "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
import time

start = time.process_time()
import torch

imported = time.process_time()
before = set(sys.modules)
call = os.environ["CALL"]
eval(f"torch.{call}")  # one of the three lines above
done = time.process_time()
new = set(sys.modules) - before
parts = {name: sum(module == name or module.startswith(f"{name}.") for module in new) for name in ("torch._inductor", "torch._dynamo", "sympy")}
print(f"torch {torch.__version__} | {call} | import torch {imported - start:.1f} s | the call {done - imported:.1f} s, {len(new)} modules: {parts}")
assert torch.are_deterministic_algorithms_enabled()
compiler = parts["torch._inductor"] > 0 and len(new) > 300
assert compiler == call.startswith("use_"), "the behaviour changed"
PYTHON
done
