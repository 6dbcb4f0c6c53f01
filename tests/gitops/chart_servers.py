"""Chart repositories on the loopback interface: HTTP with an index, and an OCI registry."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(slots=True, kw_only=True)
class ChartServer:
    """What a server serves by path, what it was asked for, and the login it wants, if any."""

    port: int = 0
    answers: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    login: str = ""

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/charts"

    @property
    def oci(self) -> str:
        return f"oci://127.0.0.1:{self.port}/charts"

    def serve_http(self, name: str, version: str, archive: bytes) -> None:
        """Put a chart into the HTTP repository."""
        self.answers[f"/charts/{name}-{version}.tgz"] = ("application/gzip", archive)
        entry = {"apiVersion": "v2", "name": name, "version": version}
        entry_with_url = entry | {"urls": [f"{name}-{version}.tgz"]}
        index = {"apiVersion": "v1", "entries": {name: [entry_with_url]}}
        self.answers["/charts/index.yaml"] = ("text/yaml", json.dumps(index).encode())

    def serve_oci(self, name: str, version: str, archive: bytes) -> None:
        """Put a chart into the registry (OCI distribution specification, Helm's media types)."""
        config = json.dumps({"name": name, "version": version, "apiVersion": "v2"}).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self._blob(name, "application/vnd.cncf.helm.config.v1+json", config),
            "layers": [
                self._blob(name, "application/vnd.cncf.helm.chart.content.v1.tar+gzip", archive)
            ],
        }
        content = json.dumps(manifest).encode()
        for reference in (version, _digest(content)):
            self.answers[f"/v2/charts/{name}/manifests/{reference}"] = (OCI_MANIFEST, content)

    def _blob(self, name: str, media_type: str, content: bytes) -> dict[str, object]:
        digest = _digest(content)
        self.answers[f"/v2/charts/{name}/blobs/{digest}"] = ("application/octet-stream", content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


@contextmanager
def chart_server(*, login: str = "") -> Iterator[ChartServer]:
    """A server for as long as the context lasts; ``login`` is ``user:password``."""
    served = ChartServer(login=login)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            served.asked.append(path)
            expected = base64.b64encode(served.login.encode()).decode()
            if served.login and self.headers.get("Authorization") != f"Basic {expected}":
                self._answer(401, "text/plain", b"who are you?")
                return
            media_type, content = served.answers.get(path, ("", b""))
            self._answer(200 if media_type else 404, media_type or "text/plain", content)

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: int, media_type: str, content: bytes) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="charts"')
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            if media_type == OCI_MANIFEST:
                self.send_header("Docker-Content-Digest", _digest(content))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
