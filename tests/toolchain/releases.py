"""A release host on the loopback interface, for the tests of downloads."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from toolchain.tools import Release

PROGRAM = b"#!/bin/sh\necho 'tiny v1.4.2, as released'\n"


def archive(program: bytes = PROGRAM, *, path: str = "tiny-1.4.2/bin/tiny") -> bytes:
    """A .tar.gz with one program, and a file whose path would lead out of the folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in ((path, program), ("../../escaped", b"never")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    """The digest as a page of checksums writes it."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def serving(pages: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve these paths; yields the address and the list of paths asked for so far."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server calls
            asked.append(self.path)
            content = pages.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def release_at(address: str) -> Release:
    """Where the tiny tool is released on such a host."""
    return Release(
        url=f"{address}/tiny-{{version}}.tar.gz",
        checksums=f"{address}/checksums.txt",
        programs=("tiny",),
    )
