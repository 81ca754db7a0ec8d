"""A package index on this machine: simple pages, files with ranges, and the faults of real ones."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from benchmark.sources.packages import PackageFile


def wheel(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def sdist(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def package_file(file: str, content: bytes, path: str) -> PackageFile:
    name, version = file.removesuffix(".tar.gz").split("-")[:2]
    return PackageFile(name=name, version=version, file=file, sha256=hashlib.sha256(content).hexdigest(), path=path)


class PackageIndex:
    """`files` by name; `cut`: bytes after which a download breaks off, once each; `status`: answers before the first
    good one; `password`: the account `reader` has to give it. `requests`: method, path and range of each.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: list[int] = []
        self.status: list[int] = []
        self.password: str | None = None
        self.hashes = True
        self.requests: list[tuple[str, str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def do_HEAD(self) -> None:
                outer.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/simple"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.requests.append((request.command, request.path, request.headers.get("Range")))
        account = request.headers.get("Authorization", "")
        if self.password and account != f"Basic {base64.b64encode(f'reader:{self.password}'.encode()).decode()}":
            self._send(request, 401, b"")
        elif self.status:
            self._send(request, self.status.pop(0), b"")
        elif request.path.startswith("/simple/"):
            self._page(request, request.path.removeprefix("/simple/").strip("/"))
        else:
            self._file(request, request.path.removeprefix("/files/"))

    def _page(self, request: BaseHTTPRequestHandler, package: str) -> None:
        names = [name for name in self.files if name.split("-")[0].replace("_", "-") == package]
        if not names:
            self._send(request, 404, b"")
            return
        digests = {name: f"#sha256={hashlib.sha256(self.files[name]).hexdigest()}" for name in names}
        links = [f'<a href="/files/{name}{digests[name] if self.hashes else ""}">{name}</a>' for name in names]
        self._send(request, 200, "".join(links).encode(), "text/html")

    def _file(self, request: BaseHTTPRequestHandler, name: str) -> None:
        content, start = self.files[name], 0
        if asked := request.headers.get("Range"):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            self._send(request, 416, b"")
            return
        self._send(request, 206 if asked else 200, content[start:], cut=self.cut.pop(0) if self.cut else None)

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        kind: str = "application/octet-stream",
        cut: int | None = None,
    ) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            request.close_connection = True
