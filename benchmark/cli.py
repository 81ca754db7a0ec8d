"""The command line: one thin command per stage of the pipeline, and a few that look at it.

Heavy imports stand inside the commands, so that `--help`, `list` and the analysis never wait for torch.
"""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import click

from benchmark import __version__
from benchmark.catalogues import CATALOGUES
from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.provenance import stage_record
from benchmark.user import name_user


@dataclass(frozen=True)
class Session:
    """What the options before a command say; the parameters are read when a command first asks for them."""

    path: Path
    debug: bool

    @functools.cached_property
    def params(self) -> Params:
        return load_params(self.path)


class Commands(click.Group):
    """A group that lists its commands in the order of the pipeline and ends a `BenchmarkError` in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BenchmarkError as error:
            _end(ctx, " ".join(str(error).split()))
        except OSError as error:
            if error.errno is None:
                raise
            _end(ctx, f"{error.filename or 'the system'}: {error.strerror}")


def _end(ctx: click.Context, message: str) -> NoReturn:
    if ctx.params.get("debug"):
        raise
    click.echo(f"error: {message}", err=True)
    ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--params",
    "path",
    type=click.Path(path_type=Path),
    default=Path("params.yaml"),
    show_default=True,
    help="The profile: params.yaml is the embedded one, paper/params.yaml the paper's.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name=None, version=__version__, prog_name="benchmark")
@click.pass_context
def main(ctx: click.Context, path: Path, debug: bool) -> None:
    """Do MLP activations tell how good an in-context example is?

    The pipeline runs these commands in this order; `dvc repro` (or `make repro`) does it for you, skipping what is up
    to date:

    \b
      dataset D     examples of a task: a pool of candidates, and queries
      model M       an embedded model is trained, a hub model fetched and verified
      extract M D   activation statistics of every candidate under every mask
      quality M D   what every candidate does for every query
      select M D    what every selector would choose, and how good that is
      plant M       the control: a massive dimension is planted and must be seen
      correlate     Spearman's rho of every cell
      claim         the verdict
      timing        the hot path, as ratios over a bare forward pass
      report        one page of it all
      gate          fails unless the verdict stands

    A command reads the outs of those above it and says so when one is missing.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    name_user()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    ctx.obj = Session(path, debug)


@main.command()
@click.argument("dataset")
@click.pass_obj
def dataset(session: Session, dataset: str) -> None:
    """Write the pool and the queries of DATASET."""
    from benchmark.stages import dataset as stage

    with stage_record(f"dataset@{dataset}", session.params):
        stage.run(session.params, dataset)


@main.command()
@click.argument("model")
@click.pass_obj
def model(session: Session, model: str) -> None:
    """Train the embedded MODEL, or fetch and verify a hub one."""
    from benchmark.stages import model as stage

    with stage_record(f"model@{model}", session.params):
        stage.run(session.params, model)


@main.command()
@click.argument("model")
@click.argument("dataset")
@click.pass_obj
def extract(session: Session, model: str, dataset: str) -> None:
    """Take the activation statistics of MODEL over DATASET's pool.

    Every mask strategy, statistic, pooling, site and layer, in one run; strategies that share an attention rule share
    a forward pass, and no activation is kept. An interrupted run resumes.
    """
    from benchmark.stages import extract as stage

    with stage_record(f"extract@{model}-{dataset}", session.params):
        stage.run(session.params, model, dataset)


@main.command()
@click.argument("model")
@click.argument("dataset")
@click.pass_obj
def quality(session: Session, model: str, dataset: str) -> None:
    """Score every candidate of DATASET with every query under MODEL.

    The log-probability of each query's target and the task's metric, with each candidate as the one demonstration; and
    the same for random sets of demonstrations. An interrupted run resumes.
    """
    from benchmark.stages import quality as stage

    with stage_record(f"quality@{model}-{dataset}", session.params):
        stage.run(session.params, model, dataset)


@main.command()
@click.argument("model")
@click.argument("dataset")
@click.pass_obj
def select(session: Session, model: str, dataset: str) -> None:
    """Let every selector choose from DATASET's pool, and measure what it chose with MODEL."""
    from benchmark.stages import select as stage

    with stage_record(f"select@{model}-{dataset}", session.params):
        stage.run(session.params, model, dataset)


@main.command()
@click.argument("model")
@click.pass_obj
def plant(session: Session, model: str) -> None:
    """Plant a massive dimension into MODEL and record whether the statistics see it."""
    from benchmark.stages import plant as stage

    with stage_record(f"plant@{model}", session.params):
        stage.run(session.params, model)


@main.command()
@click.pass_obj
def correlate(session: Session) -> None:
    """Correlate every score with quality and performance."""
    from benchmark.stages import correlate as stage

    with stage_record("correlate", session.params):
        stage.run(session.params)


@main.command()
@click.pass_obj
def claim(session: Session) -> None:
    """Reach the verdict from the cells alone; no model is needed. It never fails on a verdict: `gate` does."""
    from benchmark.stages import claim as stage

    with stage_record("claim", session.params):
        stage.run(session.params)


@main.command()
@click.pass_obj
def timing(session: Session) -> None:
    """Time the hot path as ratios over a bare forward pass."""
    from benchmark.stages import timing as stage

    with stage_record("timing", session.params):
        stage.run(session.params)


@main.command()
@click.pass_obj
def report(session: Session) -> None:
    """Write results/report.html and its figures."""
    from benchmark.stages import report as stage

    with stage_record("report", session.params):
        stage.run(session.params)


@main.command()
@click.pass_obj
def gate(session: Session) -> None:
    """Fail unless the verdict, recomputed from the cells, is the recorded one and the one that this profile expects."""
    from benchmark.stages import gate as stage

    with stage_record("gate", session.params):
        click.echo(stage.run(session.params))


@main.command("list")
@click.argument("what", type=click.Choice(sorted(CATALOGUES)))
@click.pass_obj
def catalogue(session: Session, what: str) -> None:
    """List what a profile can name, a line each: models, tasks, masks, statistics, selectors."""
    lines = CATALOGUES[what](session.params)
    width = max(map(len, lines), default=0)
    for name, text in lines.items():
        click.echo(f"{name:<{width}}  {text}".rstrip())


@main.command()
@click.pass_obj
def verdict(session: Session) -> None:
    """Print the verdict on record: the maximum, its cell, n, the null's quantile, and where the page is."""
    from benchmark.stages import verdict as stage

    click.echo(stage.run(session.params))


@main.command()
@click.pass_obj
def verify(session: Session) -> None:
    """Fail unless the results belong to code and parameters, and the cells give them. Needs no model."""
    from benchmark.stages import verify as stage

    click.echo(stage.run(session.params, session.path.with_name("dvc.yaml")))


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say what this profile still needs on this machine, a line each; exit with 1 when something does not work yet."""
    from benchmark.doctor import examine

    findings = examine(ctx.obj.params)
    for finding in findings:
        click.echo(str(finding))
    ctx.exit(any(finding.blocks for finding in findings))


@main.command()
@click.option("--gpu", help="Plan for this GPU; without it, for the one that is here, or an A100.")
@click.option("--calibrate", is_flag=True, help="Measure this machine for a few seconds first.")
@click.pass_obj
def plan(session: Session, gpu: str | None, calibrate: bool) -> None:
    """Say what a run takes before it starts: prompts, tokens, FLOPs, bytes, memory and hours for each stage."""
    from benchmark.planning import plan as make_plan

    click.echo(str(make_plan(session.params, gpu, calibrate)))


@main.command()
@click.option("--experiments", type=click.IntRange(min=1), default=500, show_default=True, help="For each scenario.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this one; may be given again.")
@click.option(
    "--intervals",
    type=click.Choice(["fisher", "bootstrap"]),
    default="fisher",
    show_default=True,
    help="Bootstrap is the claim's default, and takes about five times as long.",
)
@click.option("--output", type=click.Path(path_type=Path), default=Path("results/calibration.csv"), show_default=True)
@click.pass_obj
def calibrate(
    session: Session,
    experiments: int,
    scenarios: tuple[str, ...],
    intervals: Literal["fisher", "bootstrap"],
    output: Path,
) -> None:
    """Simulate experiments whose truth is known, and count how often each verdict comes out."""
    from benchmark.analysis.calibration import calibrate as simulate

    table = simulate(experiments, intervals=intervals, scenarios=scenarios, output=output)
    click.echo(table.to_string(index=False, na_rep="", float_format="{:.3f}".format))
