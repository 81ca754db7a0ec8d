"""`python -m benchmark`."""

import sys

from benchmark.errors import STOPPED

if __name__ == "__main__":
    try:
        from benchmark.cli import main
    except KeyboardInterrupt:  # what a command needs takes seconds to import
        sys.exit(f"error: {STOPPED}")
    except ModuleNotFoundError as error:
        if str(error.name).startswith("benchmark"):
            raise
        sys.exit(
            f"error: {sys.executable} has no package {error.name}: `make venv` installs what is needed into .venv; run "
            "`.venv/bin/python -m benchmark`"
        )
    main(prog_name="python -m benchmark")
