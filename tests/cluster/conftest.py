"""A connection to a real API server, a fresh namespace, and a server that misbehaves."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cluster.connection import Connection, StatusError, connect

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def connection(control_plane: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    with connect() as opened:
        yield opened


@pytest.fixture
def namespace(connection: Connection) -> Iterator[str]:
    name = f"cluster-{uuid.uuid4().hex[:8]}"
    create(connection, "/api/v1/namespaces", "v1", "Namespace", name)
    yield name
    connection.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def removed(connection: Connection) -> Iterator[Callable[[str], None]]:
    """Paths of cluster-scoped objects to remove at the end of the test."""
    paths: list[str] = []
    yield paths.append
    for path in paths:
        try:
            connection.delete(path)
        except StatusError as error:
            assert error.code == 404


def create(
    connection: Connection, path: str, api_version: str, kind: str, name: str, **more: Any
) -> dict[str, Any]:
    """Create one object; ``labels`` go into its metadata, all else beside it."""
    metadata = {"name": name, "labels": more.pop("labels", {})}
    body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}
    created: dict[str, Any] = connection.post(path, json.dumps(body).encode())
    return created


class FaultyServer:
    """An HTTP server that answers what a test tells it to and remembers what it was asked."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.asked: list[str] = []
        faulty = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                faulty.asked.append(self.path)
                code, headers, body = answer(self.path)
                self.send_response(code)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def faulty_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Callable[[str], Answer]], tuple[FaultyServer, Connection]]]:
    """Start a server with these answers, and connect to it."""
    opened: list[tuple[FaultyServer, Connection]] = []

    def start(answer: Callable[[str], Answer]) -> tuple[FaultyServer, Connection]:
        server = FaultyServer(answer)
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "faulty", server.url)))
        opened.append((server, connect()))
        return opened[-1]

    yield start
    for server, connection in opened:
        connection.close()
        server.stop()


def kubeconfig(path: Path, server: str, **user: Any) -> Path:
    """Write a kubeconfig with one context, ``test``, that trusts whatever answers."""
    cluster = {"server": server, "insecure-skip-tls-verify": True}
    content = {
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "users": [{"name": "test", "user": user}],
    }
    path.write_text(json.dumps(content))
    return path
