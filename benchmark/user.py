"""A name for the user: DVC and torch ask for one, and a container may run as a number that has none."""

from __future__ import annotations

import getpass
import os


def name_user() -> None:
    """Sets USER where nothing else names the user of this process."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["USER"] = f"user{os.getuid()}"
