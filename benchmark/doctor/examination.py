"""All checks, in the order in which their findings help: the machine, the profile, the hub, then the need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmark.doctor.environment import check_driver, check_lock, check_python
from benchmark.doctor.finding import Finding, fix
from benchmark.doctor.need import check_need
from benchmark.doctor.profile import check_folders, check_names, check_sources
from benchmark.doctor.repositories import check_repositories, check_token
from benchmark.errors import BenchmarkError
from benchmark.params import Params

CHECKS: tuple[Callable[[Params], Iterator[Finding]], ...] = (
    check_python,
    check_lock,
    check_driver,
    check_names,
    check_sources,
    check_folders,
    check_token,
    check_repositories,
    check_need,
)


def examine(params: Params) -> list[Finding]:
    """The findings of every check. One that cannot go on is a finding itself (told once), and the others still run."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings.extend(check(params))
        except BenchmarkError as error:
            if str(error) not in {finding.text for finding in findings}:
                findings.append(fix(check.__name__.removeprefix("check_"), str(error)))
    return findings
