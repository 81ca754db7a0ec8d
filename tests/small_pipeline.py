"""A DVC project of three stages, run once: two cells and their total."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PIPELINE = """\
stages:
  cell:
    matrix:
      name: ${names}
    cmd: python code/cell.py ${item.name} data/cells/${item.name}.txt
    params:
      - names.${item.name}
    deps: [code/cell.py]
    outs:
      - data/cells/${item.name}.txt
  total:
    cmd: python code/total.py
    params: [names]
    deps: [code, data/cells]
    outs:
      - results/total.txt: {cache: false}
"""
# A cell sleeps as long as its parameter says, so that a test can stop it at work.
CELL = """\
import pathlib, sys, time, yaml
pathlib.Path('data/cells').mkdir(parents=True, exist_ok=True)
pathlib.Path('started-' + sys.argv[1]).touch()
time.sleep(yaml.safe_load(open('params.yaml'))['names'][sys.argv[1]] / 100)
pathlib.Path(sys.argv[2]).write_text(sys.argv[1])
"""
TOTAL = """\
import pathlib
pathlib.Path('results').mkdir(exist_ok=True)
text = ' '.join(p.read_text() for p in sorted(pathlib.Path('data/cells').iterdir()))
pathlib.Path('results/total.txt').write_text(text)
"""


def build(root: Path) -> Path:
    """Writes the project into `root`, which is made; nothing is run."""
    for path, text in {
        "code/cell.py": CELL,
        "code/total.py": TOTAL,
        "dvc.yaml": PIPELINE,
        "params.yaml": "names:\n  a: 1\n  b: 2\n",
        ".gitignore": "data/cells/\nstarted-*\n",
        ".dvcignore": "__pycache__/\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    run(root, "git", "init", "-q")
    run(root, sys.executable, "-m", "dvc", "init", "-q")
    return root


def run(root: Path, *command: str) -> None:
    """Runs `command` in `root`, with this Python first on the path."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=root, check=True, env=environment)


def reproduce(root: Path) -> None:
    run(root, sys.executable, "-m", "dvc", "repro", "-q")
