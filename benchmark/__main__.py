"""`python -m benchmark`."""

from benchmark import forkserver

forkserver.run("benchmark")
