"""All checks, in the order in which their findings help: the machine, the profile, the network, then the need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmark.doctor.environment import check_driver, check_lock, check_python
from benchmark.doctor.finding import Finding, fix
from benchmark.doctor.need import check_need
from benchmark.doctor.power import check_power
from benchmark.doctor.profile import check_folders, check_local_files, check_names
from benchmark.doctor.sources import check_sources, check_token
from benchmark.doctor.texts import check_texts
from benchmark.errors import BenchmarkError
from benchmark.params import Params

CHECKS: tuple[Callable[[Params], Iterator[Finding]], ...] = (
    check_python,
    check_lock,
    check_driver,
    check_names,
    check_local_files,
    check_folders,
    check_token,
    check_sources,
    check_texts,
    check_need,
    check_power,
)


def examine(params: Params) -> Iterator[Finding]:
    """The findings of every check, each as it is made.

    A check that cannot go on is a finding itself (said once), and the others still run.
    """
    said: set[str] = set()
    for check in CHECKS:
        try:
            for finding in check(params):
                said.add(finding.text)
                yield finding
        except BenchmarkError as error:
            if str(error) not in said:
                said.add(str(error))
                yield fix(check.__name__.removeprefix("check_"), str(error))
