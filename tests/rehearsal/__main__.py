"""`make rehearse`: the paper's profile in its true widths, from the first fetch to the verdict.

python -m tests.rehearsal [--small] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.rehearsal.rehearsal import Rehearsal
from tests.rehearsal.scale import SMALL, TRUE
from tests.rehearsal.timing import compare


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny models: seconds a stage")
    parser.add_argument("--keep", type=Path, help="work in this folder, which must not exist, and leave it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as temporary:
        folder = options.keep or Path(temporary)
        return rehearse(folder, small=options.small)


def rehearse(folder: Path, small: bool) -> int:
    start = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - start:4.0f} s] {text}", flush=True)

    say("making models and datasets, and a hub that has them")
    folder.mkdir(parents=True, exist_ok=True)
    with Rehearsal(folder, SMALL if small else TRUE) as rehearsal:
        try:
            say("doctor")
            print(rehearsal.run("doctor").stdout)
            say("fetching the models")
            for model in ("llama_3b", "qwen_3b"):
                rehearsal.run("model", model)
            say("plan, calibrated")
            print(rehearsal.run("plan", "--calibrate").stdout)
            say("the pipeline")
            seconds = rehearsal.reproduce()
            say(f"the pipeline took {seconds:.0f} s")
            print(compare(rehearsal))
            claim = json.loads((rehearsal.checkout / "paper" / "results" / "claim.json").read_text(encoding="utf-8"))
            say(f"verdict of the rehearsal, which means nothing: {claim['verdict']}")
        except AssertionError as error:
            print(error, file=sys.stderr)
            return 1
    say("the rehearsal passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
