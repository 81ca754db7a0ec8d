"""A user without a name gets one; who has one keeps it."""

from __future__ import annotations

import getpass
import os
import pwd

import pytest

from benchmark.user import name_user


@pytest.fixture(autouse=True)
def _unnamed_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)


def test_a_number_gets_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda number: {}[number])
    monkeypatch.setenv("USER", "")  # so that monkeypatch takes back what is set
    name_user()
    assert getpass.getuser() == f"user{os.getuid()}"


def test_a_name_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "ada")
    name_user()
    assert getpass.getuser() == "ada"
