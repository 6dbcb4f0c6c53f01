from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.connection import Connection, StatusError, UnreachableError, connect, is_loopback
from tests.cluster.conftest import Answer, FaultyServer, kubeconfig

StartFaulty = Callable[[Callable[[str], Answer]], tuple[FaultyServer, Connection]]


def test_importing_the_package_loads_no_http_client() -> None:
    """Importing all of cluster/ stays cheap: no HTTP client, kubeconfig reader or YAML."""
    program = (
        "import sys, cluster.connection, cluster.discovery, cluster.listing, cluster.objects\n"
        "print([name for name in ('httpx2', 'lightkube', 'msgspec', 'pulumi')"
        " if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_closed_port_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not there is named, with the context and what to do."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{reserved.getsockname()[1]}"
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", server)))
        with connect() as connection, pytest.raises(UnreachableError) as refused:
            connection.get("/version")
    assert refused.value.subject == f"cluster {server}"
    assert "'test'" in refused.value.remedy


def test_silent_server_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that accepts and never speaks costs the timeout and no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"https://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", server)))
        started = time.monotonic()
        with connect(timeout=0.3) as connection, pytest.raises(UnreachableError):
            connection.get("/version")
        assert time.monotonic() - started < 3


@pytest.mark.e2e
def test_refusal_carries_the_servers_message(connection: Connection) -> None:
    """What the API server says about a refused request reaches the reader, with the code."""
    with pytest.raises(StatusError) as refused:
        connection.get("/api/v1/namespaces/absent-namespace")
    assert refused.value.code == 404
    assert 'namespaces "absent-namespace" not found' in str(refused.value)
    assert refused.value.status["reason"] == "NotFound"


@pytest.mark.e2e
def test_wrong_token_asks_for_new_credentials(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that are not accepted are the user's to renew, and the message says so."""
    wrong = kubeconfig(tmp_path / "wrong", connection.server, token="wrong")
    monkeypatch.setenv("KUBECONFIG", str(wrong))
    with connect() as stranger, pytest.raises(StatusError, match="credentials") as refused:
        stranger.get("/api/v1/namespaces")
    assert refused.value.code == 401


def test_busy_server_is_asked_again(faulty_server: StartFaulty) -> None:
    """429 is waited for as the server asks, then the answer counts (API priority, fairness)."""
    answers: list[Answer] = [(429, {"Retry-After": "0"}, b""), (200, {}, b'{"fine": true}')]
    server, connection = faulty_server(lambda _: answers.pop(0))
    assert connection.get("/version") == {"fine": True}
    assert len(server.asked) == 2


def test_server_that_stays_busy_is_an_error(faulty_server: StartFaulty) -> None:
    """Asking again has an end."""
    server, connection = faulty_server(lambda _: (429, {"Retry-After": "0"}, b"too many"))
    with pytest.raises(StatusError, match="429: too many"):
        connection.get("/version")
    assert len(server.asked) == 4


def test_error_page_of_a_proxy_is_quoted(faulty_server: StartFaulty) -> None:
    """A failure that is no Kubernetes Status is shown as the text it is."""
    _, connection = faulty_server(lambda _: (502, {}, b"<h1>Bad Gateway</h1>"))
    with pytest.raises(StatusError, match=r"502: <h1>Bad Gateway</h1>"):
        connection.get("/version")


def test_server_below_a_path_is_reached(faulty_server: StartFaulty, tmp_path: Path) -> None:
    """A server URL with a path (Rancher, a proxy) keeps it in front of every request."""
    server, _ = faulty_server(lambda _: (200, {}, b"{}"))
    file = kubeconfig(tmp_path / "below", f"{server.url}/k8s/clusters/c-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(file))
        with connect() as connection:
            connection.get("/api", {"limit": 1})
    assert server.asked == ["/k8s/clusters/c-1/api?limit=1"]


def test_kubeconfig_without_a_user_still_connects(
    faulty_server: StartFaulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A context without a user asks anonymously, as kubectl does."""
    server, _ = faulty_server(lambda _: (200, {}, b"{}"))
    content = json.loads(kubeconfig(tmp_path / "config", server.url).read_text())
    del content["contexts"][0]["context"]["user"]
    (tmp_path / "config").write_text(json.dumps(content))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with connect() as connection:
        assert connection.get("/version") == {}


@pytest.mark.parametrize(
    ("server", "local"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://localhost:6443", True),
        ("https://[::1]:6443", True),
        ("https://10.0.0.1:6443", False),
        ("https://localhost.example.com", False),
    ],
)
def test_loopback_is_recognised(server: str, *, local: bool) -> None:
    """Only this machine's own addresses go past proxies."""
    assert is_loopback(server) is local
