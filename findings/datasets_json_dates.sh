#!/usr/bin/env bash
# datasets: whether a JSON-lines file of texts loads depends on the order of its rows, if some texts look like dates.
#
# Guessed first: a JSON string is a text, whatever it says; and a file of valid rows loads in any order.
# Behaviour: the type of a column is read off the first block (10 MB) of the file. If every text there looks like an
# ISO date, the column becomes a timestamp: "2005-01-01" is read as a datetime. A later block with another text then
# fails (DatasetGenerationError, "Failed to parse string ... as a scalar of type timestamp"), while the same rows in
# the opposite order load as texts. The cause is the type inference of pyarrow's JSON reader.
# Nor does `features=` with a string column keep the text: it is "2005-01-01 00:00:00" then, for the type is inferred
# first and cast afterwards.
# What follows for a user: read the file with the json module (`Dataset.from_list`), not with the "json" loader.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1
HF_HUB_OFFLINE=1 HF_HOME="$folder/home" "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import datetime
import json
import sys
from importlib.metadata import version
from pathlib import Path

import datasets
from datasets import Features, Value
from datasets.exceptions import DatasetGenerationError

datasets.disable_progress_bars()
datasets.logging.set_verbosity(datasets.logging.CRITICAL)
folder = Path(sys.argv[1])
print("datasets", version("datasets"), "pyarrow", version("pyarrow"))


def load(name, rows, **options):
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return datasets.load_dataset(
        "json", data_files=str(path), split="train", cache_dir=str(folder / "cache" / name), **options
    )


question = "x" * 1000
dates = [{"question": question, "answer": "2005-01-01"}] * 12_000  # 12 MB: more than the first block
other = [{"question": question, "answer": "in May"}]

few = load("dates_alone", dates[:2])
print("dates alone:       ", few.features["answer"], repr(few[0]["answer"]))
assert few[0]["answer"] == datetime.datetime(2005, 1, 1), "the behaviour changed"

first = load("text_first", [*other, *dates])
print("text first:        ", first.features["answer"], repr(first[0]["answer"]), repr(first[1]["answer"]))
assert (first[0]["answer"], first[1]["answer"]) == ("in May", "2005-01-01"), "the behaviour changed"

try:
    load("text_last", [*dates, *other])
except DatasetGenerationError as error:
    print("text last:          fails:", str(error.__cause__).splitlines()[0])
else:
    raise AssertionError("the behaviour changed: the file with the text in its last row loads")

typed = load("typed", dates[:2], features=Features({"question": Value("string"), "answer": Value("string")}))
print("dates, features=:  ", typed.features["answer"], repr(typed[0]["answer"]))
assert typed[0]["answer"] == "2005-01-01 00:00:00", "the behaviour changed"
PYTHON
