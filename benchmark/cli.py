"""The command line: one thin command per stage of the pipeline, and a few that look at it.

Heavy imports stand inside the commands, so that `--help`, `list` and the analysis never wait for torch.
"""

from __future__ import annotations

import functools
import gc
import logging
import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from benchmark import __version__
from benchmark.catalogues import CATALOGUES
from benchmark.errors import STOPPED, BenchmarkError, unknown
from benchmark.leftovers import refuse
from benchmark.params import Params, load_params
from benchmark.provenance import stage_record
from benchmark.stages.stage import Stage, stage_named, stages
from benchmark.user import name_user


@dataclass(frozen=True)
class Session:
    """What the options before a command say; the parameters are read when a command first asks for them."""

    path: Path
    debug: bool

    @functools.cached_property
    def params(self) -> Params:
        return load_params(self.path)


OF_FILES = ("new", "check", "calibrate", "attest", "prose", "archive")
"""Commands that are a file of `benchmark/commands/` each."""


class Commands(click.Group):
    """The stages in the order of the pipeline, then the other commands; a `BenchmarkError` ends in one line.

    A command is imported when it is asked for, so that none waits for what another needs.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*stages(), *OF_FILES, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in OF_FILES:
            command: click.Command = getattr(import_module(f"benchmark.commands.{cmd_name}"), cmd_name)
            return command
        try:
            return command_of(stage_named(cmd_name))
        except KeyError:
            return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BenchmarkError as error:
            _end(ctx, _of_profile(ctx, " ".join(str(error).split())))
        except OSError as error:
            if error.errno is None:
                raise
            _end(ctx, f"{error.filename or 'the system'}: {error.strerror}")
        except KeyboardInterrupt:
            _end(ctx, STOPPED)


def _of_profile(ctx: click.Context, message: str) -> str:
    """A message with the profile's own command: whoever reads a file knows of no profile, and says `dvc repro`."""
    folder = ctx.params["path"].parent
    return message if folder == Path() else message.replace("`dvc repro`", f"`dvc --cd {folder} repro`")


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

    The first commands below are the stages of the pipeline, in its order. `dvc repro` (or `make repro`) runs them all,
    skipping what is up to date; the other commands look at a profile and its results.

    A stage reads what those above it wrote, and says so when something is missing.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    name_user()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # bm25s computes with jax when it is imported, where jax is installed; on a GPU that takes most of its memory
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    ctx.obj = Session(path, debug)


def command_of(stage: Stage) -> click.Command:
    """The command that runs a stage."""

    @click.pass_obj
    def command(session: Session, model: str | None = None) -> None:
        models = stage.models(session.params)
        if model is not None and model not in models:
            raise unknown("model", model, models)
        refuse(session.params)
        with stage_record(stage.instance(model), session.params):
            runs = [(each,) for each in ([model] if model else models)] if stage.per else [()]
            for run in runs:
                gc.collect()  # a model needs the room of the one before it
                said = stage.run(session.params, *run)
                if said:
                    click.echo(said)

    arguments: list[click.Parameter] = [click.Argument(["model"], required=not stage.together)] if stage.per else []
    text = f"{stage.help}\n\nWithout MODEL: each model of the profile, in turn." if stage.together else stage.help
    return click.Command(stage.name, callback=command, params=arguments, help=text)


@main.command("list")
@click.argument("what", type=click.Choice(sorted(CATALOGUES)))
@click.pass_obj
def catalogue(session: Session, what: str) -> None:
    """List what a profile can name, a line each: models, tasks, steps, metrics, masks, ..."""
    lines = CATALOGUES[what](session.params)
    width = max(map(len, lines), default=0)
    for name, text in lines.items():
        click.echo(f"{name:<{width}}  {text}".rstrip())


@main.command()
@click.argument("profiles", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def pipeline(profiles: tuple[Path, ...]) -> None:
    """Write the dvc.yaml of every profile, or of those whose params.yaml is given, from the table of stages."""
    from benchmark import dvcfile

    for path in profiles or dvcfile.profiles(Path()):
        changed = dvcfile.render(path)
        click.echo(f"{path}: " + (f"wrote {', '.join(map(str, changed))}" if changed else "its dvc.yaml is up to date"))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def prepare(session: Session, command: tuple[str, ...]) -> None:
    """Tidy up after a killed run, fail where `dvc repro` of the profile would, and become COMMAND: `make repro` does.

    While COMMAND runs, no other can be prepared in this folder.
    """
    from benchmark.prepare import prepare as get_ready

    get_ready(session.params, session.path)
    if command:
        os.execvp(command[0], command)


@main.command()
@click.pass_obj
def clean(session: Session) -> None:
    """Remove data and results of models and datasets that the profile does not name, a line each."""
    from benchmark.leftovers import remove

    for path in remove(session.params):
        click.echo(f"removed {path}")


@main.command("agree")
@click.pass_obj
def did_it_agree(session: Session) -> None:
    """Compare the results that are there with those that are committed: same bytes, nearly, or what differs."""
    from benchmark.commands.agree import agree

    click.echo(agree(session.params, Path()))


@main.command()
@click.pass_obj
def verdict(session: Session) -> None:
    """Print the verdict on record: the maximum, its cell, n, the null's quantile, and where the page is."""
    from benchmark import verdict as stage

    click.echo(stage.run(session.params))


@main.command()
@click.pass_obj
def verify(session: Session) -> None:
    """Fail unless the results belong to code and parameters, and the cells give them. Needs no model."""
    from benchmark import verify as stage

    click.echo(stage.run(session.params, session.path.with_name("dvc.yaml")))


@main.command()
@click.pass_obj
def competence(session: Session) -> None:
    """Say how well each model does each task by the number of demonstrations: results/competence.csv, and here."""
    from benchmark import competence as table

    click.echo(table.run(session.params))


@main.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say what this profile still needs on this machine, a line each; exit with 1 when something does not work yet."""
    from benchmark.doctor import examine

    blocked = False
    for finding in examine(ctx.obj.params):
        click.echo(str(finding))
        blocked |= finding.blocks
    ctx.exit(blocked)


@main.command()
@click.option("--gpu", help="Plan for this GPU; else for the CPU that the profile asks for, the GPU here, or an A100.")
@click.option("--calibrate", is_flag=True, help="Measure this machine for a few seconds first.")
@click.pass_obj
def plan(session: Session, gpu: str | None, calibrate: bool) -> None:
    """Say what a run takes before it starts: prompts, tokens, FLOPs, bytes, memory and hours for each stage."""
    from benchmark.planning import plan as make_plan

    click.echo(str(make_plan(session.params, gpu, calibrate)))
