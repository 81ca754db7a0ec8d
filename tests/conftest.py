"""One thread for the small products of the tests: on busy cores, two wait for each other most of the time."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch
