"""How are a forge's deliveries received?

Started by `gitops webhook`. It answers two paths: deliveries on one, and whether it lives on the
other. What is sent is bounded before it is read, checked before it is understood, and leads to
nothing but a pass; the forge is told no more than a status.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gitops.triggers.delivery import Delivery, concerns, read
from gitops.triggers.memory import Allowance, Seen
from gitops.triggers.signature import Envelope, Forge, RefusedError, verify

PATH = "/api/webhook"
HEALTH = "/healthz"
MOST_BYTES = 25 * 1024 * 1024
"""GitHub's own limit of a payload, the largest of all."""
PER_MINUTE = 120
_PATIENCE_SECONDS = 10.0
_LONGEST_SECONDS = 30.0
_MOST_DIGITS = 12
_MOST_AT_ONCE = 16
_Request = socket.socket | tuple[bytes, socket.socket]
_Address = Any


@dataclass(kw_only=True)
class Receiver:
    """What becomes of a delivery.

    Args:
        forge: who sends.
        secret_file: where the shared secret is; read each time, so a new one needs no restart.
        want: called when a pass is due.
        repository: the stack's repository.
        revision: its target revision.
        most_bytes: the largest body that is read.
        per_minute: how many requests are.
    """

    forge: Forge
    secret_file: Path
    want: Callable[[], None]
    repository: str = ""
    revision: str = ""
    most_bytes: int = MOST_BYTES
    per_minute: int = PER_MINUTE
    _seen: Seen = field(default_factory=Seen)
    _allowance: Allowance = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._allowance = Allowance(self.per_minute)

    def admit(self, length: str, *, chunked: bool) -> int:
        """How many bytes may be read.

        Raises:
            RefusedError: too many requests, or too many bytes, or nobody says how many.
        """
        with self._lock:
            if not self._allowance.take(now=datetime.now(UTC)):
                raise RefusedError(429, "too many requests")
        if chunked or not (length.isascii() and length.isdigit()):
            raise RefusedError(411, "the body's length is not told")
        if len(length) > _MOST_DIGITS or int(length) > self.most_bytes:
            raise RefusedError(413, f"the body has {length[:_MOST_DIGITS]} bytes or more")
        return int(length)

    def receive(self, envelope: Envelope) -> Delivery:
        """Take a delivery.

        Raises:
            RefusedError: it is not genuine, was taken before, or is nothing a forge sends.
        """
        now = datetime.now(UTC)
        try:
            secret = self.secret_file.read_bytes().strip()
        except OSError as error:
            raise RefusedError(503, f"the secret cannot be read: {error.strerror}") from error
        signed = verify(self.forge, envelope, secret, now=now)
        delivery = read(self.forge, envelope)
        with self._lock:
            if not self._seen.add(f"signed {signed}", delivery.id and f"id {delivery.id}", now=now):
                raise RefusedError(409, "the delivery was taken before")
        if concerns(delivery, self.repository, self.revision):
            self.want()
        return delivery


class Server(ThreadingHTTPServer):
    """The receiver's server.

    Args:
        address: where it listens.
        receiver: what becomes of deliveries.
    """

    daemon_threads = True
    request_queue_size = _MOST_AT_ONCE

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        self._places = threading.BoundedSemaphore(_MOST_AT_ONCE)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def process_request(self, request: _Request, client_address: _Address) -> None:
        """Answer a request in a thread, as long as there are not too many."""
        if not self._places.acquire(timeout=_PATIENCE_SECONDS):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: _Request, client_address: _Address) -> None:
        """Answer it, and make place for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A sender that goes away is no error of ours."""
        error = sys.exception()
        if not isinstance(error, OSError):
            print(f"error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _PATIENCE_SECONDS
    server_version = "home-ops"
    sys_version = ""

    def setup(self) -> None:
        """Bound the whole request: whoever sends a byte now and then would keep its place."""
        super().setup()
        self._bound = threading.Timer(_LONGEST_SECONDS, self._cut)
        self._bound.daemon = True
        self._bound.start()

    def finish(self) -> None:
        """The request is answered."""
        self._bound.cancel()
        super().finish()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        """Whether the receiver lives."""
        known = self.path.partition("?")[0] == HEALTH
        self._answer(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Take a delivery."""
        if self.path.partition("?")[0] not in (PATH, "/"):
            self._answer(HTTPStatus.NOT_FOUND)
            return
        receiver = self.server.receiver
        try:
            chunked = "Transfer-Encoding" in self.headers
            length = receiver.admit(self.headers.get("Content-Length", ""), chunked=chunked)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            delivery = receiver.receive(Envelope(headers=headers, body=body))
        except RefusedError as error:
            self._say(f"refused ({error.status}): {error}")
            self._answer(HTTPStatus(error.status))
            return
        self._say(f"{delivery.event or 'delivery'} {delivery.id}")
        self._answer(HTTPStatus.ACCEPTED)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of single requests; what is taken and refused is said above."""

    def _say(self, text: str) -> None:
        printable = "".join(each if each.isprintable() else "?" for each in text)[:300]
        print(f"{self.client_address[0]}: {printable}", file=sys.stderr, flush=True)

    def _answer(self, status: HTTPStatus) -> None:
        body = f"{status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
