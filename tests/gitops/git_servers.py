"""A Git server on the loopback interface: Git's own ``git http-backend`` behind TLS, for those who
log in."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.gitops.https_servers import https_server

PATH = "/someone/repo.git"


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
        return f"https://127.0.0.1:{self.port}{PATH}"

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
        repository: what it serves at ``PATH``; there is nothing elsewhere.
        certificate: its certificate; the key stands beside it.
        login: ``user:password``; nobody needs any where it is empty.
        elsewhere: another server, to which it sends everybody.
    """
    served = GitServer(repository=repository, login=login, elsewhere=elsewhere)
    with https_server(_handler(served), certificate) as served.port:
        yield served


def _handler(served: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self._admitted():
                self._run(b"")

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self._admitted():
                self._run(content)

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

        def _run(self, content: bytes) -> None:
            path, _, query = self.path.partition("?")
            variables = {
                "GIT_PROJECT_ROOT": str(served.repository),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": path.removeprefix(PATH),
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(content)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            done = subprocess.run(
                ["git", "-c", "safe.directory=*", "http-backend"],
                input=content,
                env={**os.environ, **variables},
                capture_output=True,
                check=True,
            )
            headers, _, body = done.stdout.partition(b"\r\n\r\n")
            pairs = [line.partition(": ") for line in headers.decode().splitlines()]
            answer = {name: value for name, _, value in pairs}
            self.send_response(int(answer.pop("Status", "200").split()[0]))
            for name, value in answer.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
