"""Forks a process that has imported torch, transformers and DVC, where a fresh interpreter would import them again.

    with fork_server():                                   the pipeline runs; the server lives as long as this block
        subprocess.run([*PYTHON_M, "dvc", "repro"])       runs in a fork of it, and so does every stage that DVC starts
    dvc repro                                             its first stage starts a server that lives as long as DVC does
    python -m benchmark ...                               without a server: an interpreter like any other

Importing costs some seconds, more than a stage of the embedded profile computes. The server imports libraries only,
never this project's code. A program gets its client's arguments, environment, folder and standard streams, stands in
its process group, and is killed when the client is. Not for CUDA, which does not survive a fork.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO

ADDRESS = "BENCHMARK_FORK_SERVER"  # the environment variable that tells a client where the server is
DVC_STAGE = "DVC_STAGE"  # set by DVC for the commands of its stages
GPU_DRIVER = Path("/proc/driver/nvidia")
AVAILABLE = hasattr(os, "pidfd_open")  # Linux
SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "fish")
PYTHON_M = (sys.executable, "-m", "benchmark.forkserver")
STREAMS = (0, 1, 2)
SIZE = struct.Struct("!I")
CODE = struct.Struct("!i")


@dataclass(frozen=True)
class Program:
    """What `python -m NAME` does: `main` gets the arguments. The server imports `libraries` before the first fork."""

    main: Callable[[list[str]], Any]
    libraries: tuple[str, ...]

    def import_libraries(self) -> None:
        for library in self.libraries:
            with suppress(ImportError):  # for the program to tell, if it needs it
                import_module(library)


def _benchmark(arguments: list[str]) -> None:
    try:
        from benchmark.cli import main
    except ModuleNotFoundError as error:
        if str(error.name).startswith("benchmark"):
            raise
        sys.exit(
            f"error: {sys.executable} has no package {error.name}: `make venv` installs what is needed into .venv; run "
            "`.venv/bin/python -m benchmark`"
        )

    main(arguments, prog_name="python -m benchmark")


def _dvc(arguments: list[str]) -> int:
    from dvc.cli import main

    _write_locks_fast_and_whole()
    code: int = main(arguments)
    return code


def _write_locks_fast_and_whole() -> None:
    """Lets DVC write its lock in a quarter of the time, and put it in the old one's place when it is whole.

    DVC writes it after every stage, and keeps comments, of which it has none: ruamel's parser and emitter in C give the
    same bytes (a test says so). And it truncates the old lock before it writes the new: a kill in between would lose
    every entry.
    """
    from dvc.utils.serialize import _common, _yaml

    def dump(path: str, data: Any, dumper: Callable[..., None], fs: object = None, **settings: Any) -> None:
        new = Path(f"{path}.new")  # one name, for DVC writes one lock at a time: what a kill leaves goes with the next
        with new.open("w", encoding="utf-8") as file:
            dumper(data, file, **settings)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    _yaml.parse_yaml_for_update = _yaml.parse_yaml
    _yaml._dump = dump_lock
    _common._dump_data = _yaml._dump_data = dump


def dump_lock(data: Any, stream: TextIO) -> None:
    """What DVC's own writer of YAML files writes, for data without comments."""
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe", pure=False)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.representer.add_representer(OrderedDict, type(yaml.representer).represent_dict)
    null = "tag:yaml.org,2002:null"
    yaml.representer.add_representer(type(None), lambda writer, _: writer.represent_scalar(null, ""))
    yaml.dump(data, stream)


PROGRAMS = {
    "dvc": Program(_dvc, ("dvc.cli", "dvc.commands.repro", "dvc.repo.reproduce", "dvc.stage.run", "dvc_data.hashfile")),
    "benchmark": Program(
        _benchmark,
        (
            "click",
            "jinja2",
            "pandas",
            "psutil",
            "pydantic",
            "scipy.stats",
            "tqdm",
            "torch",
            "transformers.models.llama.modeling_llama",
            "transformers.models.qwen2.modeling_qwen2",
            "transformers.tokenization_utils_tokenizers",
        ),
    ),
}


# --- the client ---


def run(program: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the program in a fork of the server, or here where there is none, and exits with its code.

    `arguments` are by default those of this process.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(os.environ.get(ADDRESS) or server_of_dvc())
        except OSError:  # there is none, or none any more
            sys.exit(PROGRAMS[program].main(list(arguments)))
        _send(connection, program, arguments)
        sys.exit(_receive_code(connection))


def server_of_dvc() -> str:
    """The address of the server that the stages of one `dvc repro` share; the first of them starts it.

    Raises `OSError` where there shall be none: outside of DVC, with a GPU, in a folder that cannot be written.
    """
    if DVC_STAGE not in os.environ or GPU_DRIVER.exists() or not AVAILABLE:
        raise FileNotFoundError("no server is wanted")
    import psutil

    try:
        dvc = next(parent for parent in psutil.Process().parents() if parent.name() not in SHELLS)
        path = Path(f".work/fork-{dvc.pid}-{dvc.create_time():.2f}")  # relative, for an address must be short
        life = os.pidfd_open(dvc.pid)
    except (StopIteration, psutil.Error) as error:
        raise FileNotFoundError("DVC is gone") from error
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            subprocess.Popen(
                [*PYTHON_M, str(listener.fileno())],
                stdin=life,  # can be read once DVC has ended, on which the server ends
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(listener.fileno(),),
                process_group=0,
            )
    os.close(life)
    return str(path)


def _send(connection: socket.socket, program: str, arguments: Sequence[str]) -> None:
    request = {
        "program": program,
        "arguments": list(arguments),
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109
        "group": os.getpgrp(),
    }
    body = json.dumps(request).encode()
    socket.send_fds(connection, [SIZE.pack(len(body))], STREAMS)
    connection.sendall(body)


def _receive_code(connection: socket.socket) -> int:
    try:
        answer = connection.recv(CODE.size, socket.MSG_WAITALL)
    except KeyboardInterrupt:  # the program has got it, too, and may want to tidy up
        answer = connection.recv(CODE.size, socket.MSG_WAITALL)
    if len(answer) < CODE.size:
        sys.exit("error: the fork server ended before the program did: run it again")
    code: int = CODE.unpack(answer)[0]
    if code < 0:  # a signal ended the program: end in the same way
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


# --- the server ---


@contextmanager
def fork_server(inherited: Sequence[int] = ()) -> Iterator[None]:
    """A server for every client that this process starts in the block; it inherits the file descriptors `inherited`.

    Should this process be killed, the server ends, too; the programs at work go on.
    """
    with tempfile.TemporaryDirectory(prefix="fork-") as folder:
        with socket.socket(socket.AF_UNIX) as listener:  # it listens before there is a server: no client is too early
            listener.bind(f"{folder}/socket")
            listener.listen()
            server = subprocess.Popen(
                [*PYTHON_M, str(listener.fileno()), *PROGRAMS],
                stdin=subprocess.PIPE,
                pass_fds=(listener.fileno(), *inherited),
                process_group=0,
            )
        outer = os.environ.get(ADDRESS)
        os.environ[ADDRESS] = f"{folder}/socket"
        try:
            with server:
                try:
                    yield
                finally:
                    server.terminate()  # at once, should it still import
        finally:
            os.environ.pop(ADDRESS)
            if outer:
                os.environ[ADDRESS] = outer


@dataclass(frozen=True)
class Request:
    """What a client asked for; `streams` are its standard input, output and error."""

    program: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    group: int
    streams: tuple[int, ...]

    @classmethod
    def receive(cls, connection: socket.socket) -> Request:
        """Raises `EOFError` where the client went away in mid-sentence."""
        header, streams, _, _ = socket.recv_fds(connection, SIZE.size, len(STREAMS))
        size = SIZE.unpack(header)[0] if len(header) == SIZE.size else 0
        body = connection.recv(size, socket.MSG_WAITALL) if size else b""
        if not body or len(body) < size:
            raise EOFError
        return cls(**json.loads(body), streams=tuple(streams))

    def become(self) -> NoReturn:
        """In the fork: takes the client's place, runs the program and exits."""
        with suppress(OSError):  # a client in another session keeps its group
            os.setpgid(0, self.group)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for stream, own in zip(self.streams, STREAMS, strict=True):
            os.dup2(stream, own)
            os.close(stream)
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)
        sys.argv = [self.program, *self.arguments]
        try:
            code = PROGRAMS[self.program].main(self.arguments)
        except SystemExit as end:
            code = end.code
        end_program(code)


def end_program(code: object) -> NoReturn:
    """Ends as `sys.exit(code)` does, but for freeing all that was imported, which takes half a second."""
    if not isinstance(code, int | None):
        sys.exit(str(code))
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def serve(listener: socket.socket, expected: Sequence[str]) -> Request | None:
    """Forks for every client until standard input ends; in such a fork, returns what the client asked for.

    The libraries of the `expected` programs are imported before anybody asks.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the programs
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a fork ended but its own supervisor
    for program in expected:
        PROGRAMS[program].import_libraries()
    with listener:
        while listener.fileno() in select.select([0, listener.fileno()], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                try:
                    request = Request.receive(connection)
                except (EOFError, OSError):
                    continue
                PROGRAMS[request.program].import_libraries()
                gc.freeze()  # a collection in a fork would copy every page
                if os.fork() == 0:
                    listener.close()
                    return supervise(connection, request)
                for stream in request.streams:
                    os.close(stream)
    return None


def supervise(connection: socket.socket, request: Request) -> Request:
    """Forks the program, in which it returns; kills it when its client goes away, tells the client how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if process == 0:
        return request
    end = os.pidfd_open(process)
    if end not in select.select([connection.fileno(), end], [], [])[0]:
        os.kill(process, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with suppress(OSError):
        connection.sendall(CODE.pack(code))
    os._exit(0)


def main() -> None:
    """`forkserver PROGRAM ARGUMENTS` is the client, `forkserver DESCRIPTOR [PROGRAM...]` the server."""
    if sys.argv[1] in PROGRAMS:
        run(sys.argv[1], sys.argv[2:])
    listener = socket.socket(fileno=int(sys.argv[1]))
    address = listener.getsockname()
    request = serve(listener, sys.argv[2:])
    if request:
        request.become()
    Path(address).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
