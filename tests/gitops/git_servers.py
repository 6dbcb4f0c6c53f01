"""A Git server on the loopback interface: smart HTTP over TLS, for those who log in."""

from __future__ import annotations

import base64
import gzip
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SERVICE = "git-upload-pack"


@dataclass(slots=True, kw_only=True)
class GitServer:
    """The repository it serves, the login it wants as ``user:password``, where it sends people
    instead, and what it was asked with which login."""

    repository: Path
    login: str = ""
    elsewhere: str = ""
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/someone/repo.git"

    @property
    def authorization(self) -> str:
        """The header it wants."""
        return f"Basic {base64.b64encode(self.login.encode()).decode()}" if self.login else ""


@contextmanager
def git_server(
    repository: Path, *, certificate: Path, login: str = "", elsewhere: str = ""
) -> Iterator[GitServer]:
    """A server for as long as the context lasts (Git, "HTTP transfer protocols", smart).

    Args:
        repository: what it serves at every path.
        certificate: its certificate; the key stands beside it.
        login: ``user:password``; nobody needs any where it is empty.
        elsewhere: another server, to which it sends everybody.
    """
    served = GitServer(repository=repository, login=login, elsewhere=elsewhere)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    served.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(served: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self._admitted():
                refs = self._run("--advertise-refs")
                header = f"# service={SERVICE}\n"
                packet = f"{len(header) + 4:04x}{header}0000".encode()
                self._answer(f"application/x-{SERVICE}-advertisement", packet + refs)

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            if self._admitted():
                self._answer(f"application/x-{SERVICE}-result", self._run(content=content))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _admitted(self) -> bool:
            given = self.headers.get("Authorization", "")
            served.asked.append((self.path, given))
            if served.elsewhere:
                self._refuse(302, "Location", f"{served.elsewhere}{self.path}")
            elif given != served.authorization:
                self._refuse(401, "WWW-Authenticate", 'Basic realm="git"')
            else:
                return True
            return False

        def _refuse(self, code: int, header: str, value: str) -> None:
            self.send_response(code)
            self.send_header(header, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _run(self, *options: str, content: bytes = b"") -> bytes:
            done = subprocess.run(
                ["git", "upload-pack", "--stateless-rpc", *options, str(served.repository)],
                input=content,
                env={**os.environ, "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")},
                capture_output=True,
                check=True,
            )
            return done.stdout

        def _answer(self, media_type: str, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
