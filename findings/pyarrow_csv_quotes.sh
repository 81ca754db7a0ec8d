#!/usr/bin/env bash
# pyarrow: the CSV reader takes cells with quotes in the wrong place, and gives other texts than the file holds.
#
# Guessed first: with quoting on, a quote that is never closed, or text after a closing quote, is an error, as it is with
# `strict=True` in Python's csv module.
# Behaviour, with `newlines_in_values`, which texts need: a quote left open swallows the rest of the file, rows and all, into one cell; in `"x"y` the quotes go and `xy`
# is left. Neither is reported, and `invalid_row_handler` is not called: the rows have as many columns as they should.
# What follows for a user: a dataset of texts with an inch mark or a lost quote loses rows in silence; check the quotes first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import csv
import io

import pyarrow
from pyarrow import csv as arrow

print("pyarrow", pyarrow.__version__)
called = []


def load(text):
    options = arrow.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda row: called.append(row) or "error")
    return arrow.read_csv(io.BytesIO(text.encode()), parse_options=options).to_pylist()


def fails_strictly(text):
    try:
        list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        return str(error)
    raise AssertionError("Python's csv accepts it")


opened = 'label,text\ngood,"a 5 inch screen\nbad,too slow\ngood,fine\n'
found = load(opened)
print("never closed:", found, "| csv, strict:", fails_strictly(opened))
assert found == [{"label": "good", "text": "a 5 inch screen\nbad,too slow\ngood,fine\n"}], "the behaviour changed"

after = 'label,text\ngood,"x"y\n'
found = load(after)
print("text after a quote:", found, "| csv, strict:", fails_strictly(after))
assert found == [{"label": "good", "text": "xy"}], "the behaviour changed"
assert not called, "the behaviour changed: invalid_row_handler was called"
PYTHON
