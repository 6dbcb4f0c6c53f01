"""The receiver takes what a forge sends, refuses everything else, and asks for few passes."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gitops.errors import ClusterError
from gitops.triggers.signature import Forge
from reconciler.commands.trigger import Waking
from reconciler.webhook import server as webhook_server
from reconciler.webhook.queue import Queue
from reconciler.webhook.server import PATH, Receiver, Server

REPOSITORY = "https://git.example/home/ops"


@dataclass(kw_only=True)
class Site:
    """A receiver that listens, and the requests somebody sends it."""

    port: int
    secret: bytes
    secret_file: Path
    wanted: list[None] = field(default_factory=list)

    def send(self, *, ref: str = "refs/heads/main", path: str = PATH, **headers: str) -> int:
        """A push; the status."""
        body = json.dumps({"ref": ref, "repository": {"clone_url": REPOSITORY}}).encode()
        signature = hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        known = {
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": secrets.token_hex(8),
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        return self.post(path, body, {**known, **headers})

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """Any POST."""
        return self.exchange("POST", path, body, headers)

    def exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
        """Any request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            assert b"secret" not in response.read()
            return response.status
        finally:
            connection.close()


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Make a receiver; arguments are those of ``Receiver``."""
    running: list[tuple[Server, threading.Thread]] = []

    def make(**changes: int) -> Site:
        secret = secrets.token_urlsafe(24).encode()
        file = tmp_path / "secret"
        file.write_bytes(secret + b"\n")
        site = Site(port=0, secret=secret, secret_file=file)
        receiver = Receiver(
            forge=Forge.GITHUB,
            secret_file=file,
            want=lambda: site.wanted.append(None),
            repository=REPOSITORY,
            revision="main",
            **changes,
        )
        server = Server(("127.0.0.1", 0), receiver)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread))
        site.port = server.server_port
        return site

    yield make
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_push_is_taken_once(new_site: Callable[..., Site]) -> None:
    """A genuine push asks for a pass; the very same, or the same under another name, does not."""
    site = new_site()
    name = {"X-GitHub-Delivery": "one"}
    assert site.send(**name) == 202
    assert len(site.wanted) == 1
    assert site.send(**name) == 409
    assert site.send(**{"X-GitHub-Delivery": "two"}) == 409
    assert len(site.wanted) == 1
    assert site.send(ref="refs/heads/topic") == 202
    assert len(site.wanted) == 1


def test_what_is_refused(new_site: Callable[..., Site]) -> None:
    """Wrong signatures, other paths and methods, bodies too large or of no told length: each has
    its status, and none asks for a pass."""
    site = new_site(most_bytes=1000)
    assert site.send(**{"X-Hub-Signature-256": "sha256=" + "0" * 64}) == 401
    assert site.send(path="/elsewhere") == 404
    assert site.exchange("GET", PATH, b"", {}) == 404
    assert site.exchange("GET", "/healthz", b"", {}) == 200
    assert site.exchange("PUT", PATH, b"", {}) == 501
    assert site.post(PATH, b"x" * 1001, {}) == 413
    assert site.post(PATH, b"", {"Content-Length": "-1"}) == 411
    assert site.post(PATH, b"", {"Content-Length": "1" * 5000}) == 413
    assert site.post(PATH, b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}) == 411
    assert site.wanted == []
    site.secret_file.unlink()
    assert site.send() == 503
    site.secret_file.write_bytes(b"")
    assert site.send() == 503


def test_a_new_secret_needs_no_restart(new_site: Callable[..., Site]) -> None:
    """The file is read for each delivery."""
    site = new_site()
    site.secret = secrets.token_urlsafe(24).encode()
    assert site.send() == 401
    site.secret_file.write_bytes(site.secret)
    assert site.send() == 202


def test_too_many_requests(new_site: Callable[..., Site]) -> None:
    """Beyond the allowance nothing is read any more; whether it lives can still be asked."""
    site = new_site(per_minute=3)
    found = [site.send(ref=f"refs/heads/{number}") for number in range(5)]
    assert found == [202, 202, 202, 429, 429]
    assert site.exchange("GET", "/healthz", b"", {}) == 200


def test_who_sends_slowly_keeps_no_place(
    new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that is never finished is cut off, and others are answered meanwhile."""
    monkeypatch.setattr(webhook_server, "_LONGEST_SECONDS", 1.0)
    site = new_site()
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as slow:
        slow.sendall(f"POST {PATH} HTTP/1.1\r\nContent-Length: 100\r\n\r\nx".encode())
        assert site.send() == 202
        while slow.recv(1000):
            pass  # the answer, if any; then the end


def test_a_burst_is_one_pass() -> None:
    """Wishes that come together lead to one pass, one that comes while it is asked for to another,
    and one that is open at the end is not lost."""
    asked = threading.Semaphore(0)
    queue = Queue(asked.release, settling=0.2, least=0.2)
    queue.start()
    for _ in range(50):
        queue.want()
    assert asked.acquire(timeout=60)
    assert not asked.acquire(timeout=1)
    queue.want()
    assert asked.acquire(timeout=60)
    queue.want()
    queue.end()
    assert asked.acquire(timeout=1)
    assert not asked.acquire(timeout=0.5)


def test_a_wish_outlives_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the cluster cannot be asked right now, it is asked again."""
    done = threading.Event()
    failures = [ClusterError("cluster x", "does not answer", remedy="start it")]

    def ask() -> None:
        if failures:
            raise failures.pop()
        done.set()

    queue = Queue(ask, settling=0, least=0)
    queue.start()
    queue.want()
    assert done.wait(60)
    queue.end()
    assert "error: cluster x: does not answer; start it" in capsys.readouterr().err


def test_a_loop_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish that comes after a pass began ends the pause; one that the pass has answered does
    not, nor does a cluster that cannot be asked."""
    monkeypatch.setattr("reconciler.commands.trigger.LOOK_SECONDS", 0.05)
    answers = ["before"]
    ended = threading.Event()

    def asked() -> str:
        if not answers:
            raise ClusterError("cluster x", "does not answer", remedy="start it")
        return answers[-1]

    waking = Waking(asked)
    waking.begin()
    began = time.monotonic()
    assert not waking.wait(ended, 0.3)
    assert time.monotonic() - began >= 0.3
    answers.append("after")
    assert not waking.wait(ended, 600)
    waking.begin()
    answers.clear()
    assert not waking.wait(ended, 0.2)
    ended.set()
    assert waking.wait(ended, 600)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_on_request(tmp_path: Path, told: signal.Signals) -> None:
    """It listens, says where, and ends by itself when it is told to."""
    secret = tmp_path / "secret"
    secret.write_text(secrets.token_urlsafe(24))
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
    config = {"clusters": [cluster], "contexts": [context], "users": [{"name": "a", "user": {}}]}
    kubeconfig.write_text(json.dumps({**config, "current-context": "a"}))
    command = [sys.executable, "-m", "reconciler.cli", "webhook", "--forge", "github"]
    process = subprocess.Popen(
        [*command, "--secret-file", str(secret), "--address", "127.0.0.1", "--port", "0"],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("listening on port "), line
        process.send_signal(told)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
