"""A reconciler in the cluster logs in to Git with a Secret, whatever that holds at the moment."""

from __future__ import annotations

import base64
import json
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.in_cluster import account_kubeconfig, deployed
from tests.e2e.live import Body
from tests.e2e.objects import config_map
from tests.e2e.pods import Pod
from tests.e2e.reconciling import Reconciling
from tests.e2e.test_reconcile import data_of
from tests.gitops.certificates import loopback, pem, rsa_key
from tests.gitops.git_servers import git_server
from tests.gitops.github_api import github
from tests.gitops.ssh_servers import ssh_server

pytestmark = pytest.mark.e2e
SECRET = {"password", "ssh-privatekey", "githubAppPrivateKey"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """Where the repository is; ``change`` makes a new login, the only one that is good from then
    on, and returns the Secret with it."""

    url: str
    change: Callable[[], Mapping[str, str]]


@pytest.fixture(params=["https", "ssh", "github"])
def forge(request: pytest.FixtureRequest, checkout: Checkout, tmp_path: Path) -> Iterator[Forge]:
    """A server of the checkout's repository that nobody knows yet."""
    if request.param == "ssh":
        with ssh_server(tmp_path / "ssh") as ssh:

            def new_key() -> Mapping[str, str]:
                return {"ssh-privatekey": ssh.admit(), "known_hosts": ssh.known_hosts}

            yield Forge(url=ssh.url(checkout.root), change=new_key)
        return
    certificate = loopback(tmp_path / "certificates")
    authority = {"ca.crt": certificate.with_name("ca.crt").read_text()}
    with git_server(checkout.root, certificate=certificate, login="nobody:x") as server:
        if request.param == "https":

            def new_password() -> Mapping[str, str]:
                password = secrets.token_urlsafe(12)
                server.login = f"someone:{password}"
                return {"username": "someone", "password": password, **authority}

            yield Forge(url=server.url, change=new_password)
            return

        def admit(token: str) -> None:
            server.login = f"x-access-token:{token}"

        with github(rsa_key().public_key(), certificate=certificate, give=admit) as api:

            def new_app() -> Mapping[str, str]:
                key = rsa_key()
                api.key = key.public_key()
                server.login = "nobody:x"  # the token there was is none any more
                return {
                    "githubAppID": api.app,
                    "githubAppInstallationID": api.installation,
                    "githubAppPrivateKey": pem(key),
                    "githubAppEnterpriseBaseUrl": api.url,
                    **authority,
                }

            yield Forge(url=server.url, change=new_app)


def test_a_login_changes_while_it_runs(checkout: Checkout, forge: Forge) -> None:
    """The Pod's command, with the Pod's environment, Secret and account, and nothing else of this
    machine's, follows the repository. While the login is wrong it says so and goes on with what
    there was; the new one in the Secret counts for the next pass of the process that runs."""
    checkout.configure(
        source={"repoURL": forge.url, "targetRevision": "main"},
        reconciler={**deployed(mode="Deployment", git="login"), "interval": "2s"},
    )
    checkout.write("one", config_map("a"))
    passes = Reconciling(checkout)
    passes.commit()
    checkout.up().succeeded()
    checkout.write("one", config_map("a", "2"))
    passes.commit()
    write_secret(checkout, forge.change())
    base = f"/namespaces/{checkout.id}-base"
    pod = Pod(checkout, account_kubeconfig(checkout), f"/apis/apps/v1{base}/deployments/reconciler")
    process = pod.start()
    try:
        first = report(process)
        assert first["outcome"] == "Synced", first
        assert data_of(checkout, "a") == "2"

        changed = forge.change()
        checkout.write("one", config_map("a", "3"))
        commit = passes.commit()
        refused = next_report(process, lambda each: bool(each["errors"]))
        assert "cannot be fetched" in refused["errors"][0] or "GitHub App" in refused["errors"][0]
        assert data_of(checkout, "a") == "2"
        write_secret(checkout, changed)
        pod.mount()
        found = next_report(process, lambda each: each["commit"] == commit)
        assert (found["outcome"], found["errors"]) == ("Synced", []), found["errors"]
        assert data_of(checkout, "a") == "3"
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=90)
        assert process.returncode == 0, errors
        for name in SECRET & changed.keys():
            assert max(changed[name].splitlines(), key=len) not in output + errors
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def write_secret(checkout: Checkout, values: Mapping[str, str]) -> None:
    """What people put into the Secret that the config names."""
    path = f"/api/v1/namespaces/{checkout.id}-base/secrets"
    data = {name: base64.b64encode(each.encode()).decode() for name, each in values.items()}
    body: Body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": data}
    if checkout.live.get(f"{path}/login"):
        checkout.live.request("PATCH", f"{path}/login", {"data": data})
    else:
        checkout.live.request("POST", path, body)


def report(process: subprocess.Popen[str]) -> Body:
    """The next pass."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.stderr.read() if process.stderr else ""
    found: Body = json.loads(line)
    return found


def next_report(process: subprocess.Popen[str], wanted: Callable[[Body], bool]) -> Body:
    """The next pass that is as wanted, of those soon to come."""
    for _ in range(30):
        found = report(process)
        if wanted(found):
            return found
    raise AssertionError(found)
