#!/usr/bin/env bash
# datasets: a text that looks like JSON comes back as a number, a truth value or nothing, once its column is mixed.
#
# Guessed first: a JSON-lines column that holds texts and, in some rows, lists of texts (one accepted answer, or
# several: BIG-bench's qa_wikidata is such a file) is refused, or every row comes back as it was written.
# Behaviour: the column becomes the feature `Json`, and each *text* in it is parsed as JSON a second time when it is
# read: "112" becomes the number 112, "007" becomes 7, "1e3" becomes 1000.0, "true" becomes True, and "null" and "NaN"
# become None. Other texts stay. Nothing is printed. With texts alone in the column, all of them stay texts.
# What follows for a user: give such a column one type before `load_dataset`, or read the file with the json module.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1
HF_HUB_OFFLINE=1 HF_HOME="$folder/home" "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import datasets

datasets.disable_progress_bars()
folder = Path(sys.argv[1])
print("datasets", version("datasets"), "pyarrow", version("pyarrow"))


def read(name, answers):
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"answer": answer}) + "\n" for answer in answers), encoding="utf-8")
    table = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(folder / "cache"))
    seen = list(table["answer"])
    print(name, table.features["answer"])
    for wrote, read in zip(answers, seen, strict=True):
        print(f"  wrote {wrote!r:16} read {read!r}")
    return seen


texts = ["112", "007", "1e3", "true", "null", "NaN", "Brazil"]
assert read("texts", texts) == texts
several = ["Iraq", "Iran"]
assert read("mixed", [*texts, several]) == [112, 7, 1000.0, True, None, None, "Brazil", several], "the behaviour changed"
print("seen: texts of a mixed column are parsed a second time")
PYTHON
