"""One file a dataset, all of them imported here: a file that is dropped into this folder is found."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
