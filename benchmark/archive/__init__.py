"""One file that outlives the repository: `python -m benchmark archive`, or `make archive`.

`packing.py` reads a commit and writes a tar file whose bytes depend on that commit alone; `crate.py` describes the
content as an RO-Crate. Inside the unpacked folder `make verify` works without git.
"""
