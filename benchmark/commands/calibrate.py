"""`calibrate`: how often each verdict comes out of simulated experiments whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

TABLE = Path("results/calibration.csv")


@click.command()
@click.option("--experiments", type=click.IntRange(min=1), default=500, show_default=True, help="For each scenario.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this one; may be given again.")
@click.option(
    "--intervals",
    type=click.Choice(["fisher", "bootstrap"]),
    default="fisher",
    show_default=True,
    help="Bootstrap is the claim's default, and takes about six times as long.",
)
@click.option("--output", type=click.Path(path_type=Path), default=TABLE, show_default=True)
def calibrate(
    experiments: int,
    scenarios: tuple[str, ...],
    intervals: Literal["fisher", "bootstrap"],
    output: Path,
) -> None:
    """Simulate experiments whose truth is known, and count how often each verdict comes out.

    What was counted is kept: a run that was stopped goes on, until the code of the analysis changes.
    """
    from benchmark.analysis.calibration import calibrate as simulate
    from benchmark.dependencies import PACKAGE, ROOT, reached
    from benchmark.hashing import sha256_file, sha256_json
    from benchmark.parts import WORK

    code = sha256_json({name: sha256_file(ROOT / name) for name in reached(PACKAGE / "analysis" / "calibration.py")})
    table = simulate(
        experiments,
        intervals=intervals,
        scenarios=scenarios,
        output=output,
        counted=WORK / "calibration" / code[:16],
    )
    click.echo(table.to_string(index=False, na_rep="", float_format="{:.3f}".format))
