"""GitHub's API for Apps on the loopback interface: it believes a JWT that the App's key has signed,
and gives a token that the Git server wants from then on."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.gitops.https_servers import https_server

LONGEST_SECONDS = 600


@dataclass(slots=True, kw_only=True)
class GitHub:
    """One App with one installation, the tokens that were given, and for how long the next is."""

    key: rsa.RSAPublicKey
    give: Callable[[str], None]
    app: str = "12345"
    installation: str = "678"
    repository: str = "someone/repo"
    lasts: timedelta = timedelta(hours=1)
    port: int = 0
    tokens: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/api/v3"

    def answer(self, method: str, path: str, authorization: str) -> tuple[int, object]:
        """What GitHub says (GitHub, "REST API endpoints for GitHub Apps")."""
        self.asked.append(f"{method} {path}")
        if not self._believes(authorization.removeprefix("Bearer ")):
            return 401, {"message": "A JSON web token could not be decoded"}
        if (method, path) == ("GET", f"/api/v3/repos/{self.repository}/installation"):
            return 200, {"id": int(self.installation)}
        if (method, path) != (
            "POST",
            f"/api/v3/app/installations/{self.installation}/access_tokens",
        ):
            return 404, {"message": "Not Found"}
        self.tokens.append(secrets.token_urlsafe(16))
        self.give(self.tokens[-1])
        expires = (datetime.now(UTC) + self.lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 201, {"token": self.tokens[-1], "expires_at": expires}

    def _believes(self, given: str) -> bool:
        required = {"require": ["iat", "exp", "iss"]}
        try:
            claims = jwt.decode(
                given, self.key, algorithms=["RS256"], issuer=self.app, options=required
            )
        except jwt.PyJWTError:
            return False
        return bool(claims["exp"] - claims["iat"] <= LONGEST_SECONDS)


@contextmanager
def github(
    key: rsa.RSAPublicKey, *, certificate: Path, give: Callable[[str], None]
) -> Iterator[GitHub]:
    """The API for as long as the context lasts.

    Args:
        key: the App's public key.
        certificate: the server's; its key stands beside it.
        give: told each new token.
    """
    served = GitHub(key=key, give=give)
    with https_server(_handler(served), certificate) as served.port:
        yield served


def _handler(served: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            authorization = self.headers.get("Authorization", "")
            status, found = served.answer(self.command, self.path, authorization)
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
