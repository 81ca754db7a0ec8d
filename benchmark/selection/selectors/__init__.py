"""The selector families: every module of this folder is imported, and registers its own."""

from benchmark.discovery import import_all

import_all(__name__, __path__)
