"""The server: repository listings, files with ranges and redirects to a CDN, gates, tokens, and faults on demand."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from tests.hub_server.repository import LARGE, Repository

TOKEN = "hf_a_token_of_an_account_that_accepted"
STRANGER = "hf_a_token_of_an_account_that_did_not"


@dataclass
class Fault:
    """Something that goes wrong for requests whose path matches `path`, `times` times.

    status: answer with it. cut: close the connection after so many bytes of the body, and after `stall` more seconds.
    flip: change one byte of the body. delay: wait so many seconds before the body. then: what goes wrong from that
    moment on.
    """

    path: str
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: float = 0.0
    flip: bool = False
    delay: float = 0.0
    then: Fault | None = None


class HubServer:
    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def cdn(self) -> str:
        """The same server under another name: a client must not send its token there."""
        return f"http://localhost:{self._server.server_port}"

    def publish(self, repository: Repository) -> Repository:
        self.repositories[repository.kind, repository.name] = repository
        return repository

    def fail(self, path: str, **kind: Any) -> None:
        self.faults.append(Fault(path, **kind))

    def take(self, path: str, what: str) -> Fault | None:
        """The first fault of that sort for that path, used up once."""
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.path, path) and getattr(fault, what):
                fault.times -= 1
                if fault.then is not None:
                    self.faults.append(fault.then)
                return fault
        return None

    def paths(self, method: str = "GET") -> list[str]:
        return [path for how, path, _ in self.requests if how == method]

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append((self.command, path, dict(self.headers.items())))
            fault = hub.take(path, "status")
            if fault is not None and fault.status is not None:
                return self._refuse(fault.status, "", "a fault was asked for", fault.headers)
            for pattern, respond in ROUTES:
                match = re.fullmatch(pattern, path)
                if match:
                    return respond(self, **match.groupdict())
            return self._refuse(404, "RepoNotFound", "no such route")

        def _refuse(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
            self._send(
                status,
                json.dumps({"error": message}).encode(),
                {"X-Error-Code": code, "X-Error-Message": message, **(headers or {})},
            )

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _find(self, kind: str, name: str, revision: str | None) -> Repository | None:
            """The repository, unless it has to be refused (then that is done, and the result is None)."""
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if token and token not in (TOKEN, STRANGER):
                self._refuse(401, "", "Invalid credentials in Authorization header")
                return None
            repository = hub.repositories.get((kind, name))
            if repository is None:  # as the real one: who is not logged in is not told what exists
                self._refuse(404 if token else 401, "RepoNotFound", "Repository not found")
                return None
            if revision not in (None, "main", repository.revision):
                self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
                return None
            return repository

        def _gate(self, repository: Repository) -> bool:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if not repository.gated or token == TOKEN:
                return True
            self._refuse(403 if token else 401, "GatedRepo", "Access to this repository is restricted")
            return False

        def info(self, kinds: str, name: str, revision: str | None = None) -> None:
            repository = self._find(kinds.removesuffix("s"), name, revision)
            if repository is not None:  # the listing of a gated repository is public, its files are not
                body = {
                    "id": name,
                    "sha": repository.revision,
                    "private": False,
                    "gated": "manual" if repository.gated else False,
                    "disabled": False,
                    "tags": [],
                    "downloads": 0,
                    "likes": 0,
                    "cardData": repository.card,
                    "siblings": repository.siblings(),
                }
                self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

        def tree(self, kinds: str, name: str, revision: str) -> None:
            repository = self._find(kinds.removesuffix("s"), name, revision)
            if repository is not None:
                self._send(200, json.dumps(repository.tree()).encode(), {"Content-Type": "application/json"})

        def resolve(self, name: str, revision: str, file: str, kinds: str | None = None) -> None:
            repository = self._find("dataset" if kinds else "model", name, revision)
            if repository is None or not self._gate(repository):
                return None
            if file not in repository.files:
                headers = {"X-Repo-Commit": repository.revision}
                return self._refuse(404, "EntryNotFound", "Entry not found", headers)
            etag = repository.etags[file]
            headers = {"X-Repo-Commit": repository.revision, "ETag": f'"{etag}"'}
            if file.endswith(LARGE):
                headers |= {
                    "X-Linked-ETag": f'"{etag}"',
                    "X-Linked-Size": str(repository.size(file)),
                    "Location": f"{hub.cdn}/cdn/{repository.kind}/{name}/-/{file}",
                }
                return self._send(302, b"", headers)
            return self._file(repository, file, headers)

        def cdn(self, kind: str, name: str, file: str) -> None:
            if "Authorization" in self.headers:
                return self._refuse(400, "", "a signed address takes no token")
            repository = hub.repositories[kind, name]
            return self._file(repository, file, {"ETag": f'"{repository.etags[file]}"'})

        def _file(self, repository: Repository, name: str, headers: dict[str, str]) -> None:
            size = repository.size(name)
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked[1]) if asked else 0
            if start >= size > 0:
                return self._refuse(416, "", "range not satisfiable", {"Content-Range": f"bytes */{size}"})
            self.send_response(206 if asked else 200)
            for key, value in headers.items():
                self.send_header(key, value)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(size - start))
            self.end_headers()
            if self.command == "HEAD":
                return None
            content = repository.files[name]
            with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                source.seek(start)
                return self._body(source)

        def _body(self, source: BinaryIO) -> None:
            path = unquote(urlsplit(self.path).path)
            slow, cut, flip = (hub.take(path, what) for what in ("delay", "cut", "flip"))
            if slow is not None:
                time.sleep(slow.delay)
            left = cut.cut if cut is not None else None
            first = True
            try:
                while chunk := source.read(1 << 20 if left is None else min(left, 1 << 20)):
                    if flip is not None and first:
                        chunk = bytes([chunk[0] ^ 1]) + chunk[1:]
                    first = False
                    self.wfile.write(chunk)
                    left = None if left is None else left - len(chunk)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            if cut is not None:
                self.wfile.flush()
                time.sleep(cut.stall)
                self.close_connection = True

        def whoami(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if token not in (TOKEN, STRANGER):
                return self._refuse(401, "", "Invalid credentials in Authorization header")
            body = {"type": "user", "name": "reviewer", "auth": {"accessToken": {"role": "read"}}}
            return self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
    KINDS = r"(?P<kinds>models|datasets)"
    ROUTES: list[tuple[str, Callable[..., None]]] = [
        (r"/api/whoami-v2", Handler.whoami),
        (rf"/api/{KINDS}/{NAME}", Handler.info),
        (rf"/api/{KINDS}/{NAME}/revision/(?P<revision>[^/]+)", Handler.info),
        (rf"/api/{KINDS}/{NAME}/tree/(?P<revision>[^/]+)", Handler.tree),
        (r"/cdn/(?P<kind>model|dataset)/(?P<name>[\w.-]+/[\w.-]+)/-/(?P<file>.+)", Handler.cdn),
        (rf"/(?P<kinds>datasets)/{NAME}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", Handler.resolve),
        (rf"/{NAME}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", Handler.resolve),
    ]
    return Handler
