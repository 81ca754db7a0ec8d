"""`python -m benchmark`."""

import sys

if __name__ == "__main__":
    try:
        from benchmark.cli import main
    except ModuleNotFoundError as error:
        if str(error.name).startswith("benchmark"):
            raise
        sys.exit(
            f"error: {sys.executable} has no package {error.name}: `make venv` installs what is needed into .venv; run "
            "`.venv/bin/python -m benchmark`"
        )
    main(prog_name="python -m benchmark")
