#!/usr/bin/env bash
# zstandard: a .zst file that was cut short reads as its beginning, without an error.
#
# Guessed first: a compressed file that ends in mid-frame fails to decompress, as gzip's does (EOFError).
# Behaviour: `ZstdDecompressor().stream_reader(file).read()` gives what the whole blocks before the cut hold, and stops
# as if the file ended there; so does `copy_stream`. Only `decompressobj().eof` shows that the frame has no end. A JSON-lines
# file cut at a block can lose most of its rows and still parse.
# What follows for a user: read through `decompressobj()` and demand `eof` at the end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet zstandard==0.25.0
"$folder/venv/bin/python" - <<'PYTHON'
import gzip
import io
import random

import zstandard

print("zstandard", zstandard.__version__)
draw = random.Random(0)
rows = "".join(f'{{"id": {i}, "text": "{draw.getrandbits(256):x}"}}\n' for i in range(20_000)).encode()
whole = zstandard.ZstdCompressor().compress(rows)
cut = whole[: len(whole) // 2]

read = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(cut)).read()
copied = io.BytesIO()
zstandard.ZstdDecompressor().copy_stream(io.BytesIO(cut), copied)
single = zstandard.ZstdDecompressor().decompressobj()
single.decompress(cut)
print(f"rows in the file: 20000; read from half of it: {read.count(b'}')}, copied: {copied.getvalue().count(b'}')}; no error")
print("decompressobj().eof:", single.eof)
try:
    gzip.decompress(gzip.compress(rows)[: len(cut)])
except EOFError as error:
    print("gzip, for comparison:", error)
else:
    raise AssertionError("gzip did not fail")
assert rows.startswith(read) and 0 < len(read) < len(rows), "the behaviour changed"
assert rows.startswith(copied.getvalue()) and len(copied.getvalue()) < len(rows), "the behaviour changed"
assert not single.eof
PYTHON
