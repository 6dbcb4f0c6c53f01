"""What people see after a sync, and what a script can wait for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from reconciler.exit_codes import ExitCode
from tests.e2e.checkout import Checkout
from tests.e2e.objects import config_map

pytestmark = pytest.mark.e2e


def gitops(checkout: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of ours, as a user gives it in the repository."""
    return subprocess.run(
        [sys.executable, "-m", "reconciler.cli", *arguments, "--stack", checkout.stack],
        cwd=checkout.root,
        env=dict(checkout.environment),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def deployment(*, outcome: str = "") -> dict[str, Any]:
    """A Deployment whose Pods crash when told to."""
    annotations = {"home-ops.local/outcome": outcome} if outcome else {}
    container = {"name": "main", "image": "registry.example/app:1.0.0"}
    template = {
        "metadata": {"labels": {"app": "web"}, "annotations": annotations},
        "spec": {"containers": [container]},
    }
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": spec}  # fmt: skip


def test_status_of_a_sync(checkout: Checkout) -> None:
    """`gitops up --wait` ends when all is healthy, or with exit code 3 and the crash that keeps it
    from it; `app get`, `list` and `wait` say the same without the engine, and follow a removal."""
    name = f"e2e-{checkout.id}-web"
    checkout.write("web", deployment())
    checkout.write("plain", config_map("plain"))
    checkout.text("empty", "kustomization.yaml", "resources: []\n")
    up = gitops(checkout, "up", "--yes", "--wait", "--timeout", "120s")
    assert up.returncode == ExitCode.OK, up.stderr
    assert "3 Applications, 2 objects in the cluster" in up.stdout
    assert "waiting" in up.stderr

    checkout.write("web", deployment(outcome="crash"))
    late = gitops(checkout, "up", "--yes", "--wait", "--timeout", "6s")
    assert late.returncode == ExitCode.UNHEALTHY, late.stderr
    assert f"error: {name} is not healthy after 6s" in late.stderr
    assert "CrashLoopBackOff" in late.stdout

    subject = f"{checkout.id}/web"
    got = gitops(checkout, "app", "get", subject, "-o", "json")
    status = json.loads(got.stdout)["status"]
    assert status["health"]["status"] == "Progressing"
    assert "Pod web-" in status["health"]["message"]
    assert "exit code 1" in status["health"]["message"]
    assert "CrashLoopBackOff" in gitops(checkout, "app", "get", name).stdout

    listed = gitops(checkout, "app", "list", "--category", checkout.id, "-o", "name")
    assert sorted(listed.stdout.split()) == [
        f"e2e-{checkout.id}-{app}" for app in ("empty", "plain", "web")
    ]
    assert gitops(checkout, "app", "list", "--category", "absent", "-o", "name").stdout == ""
    plain = gitops(checkout, "app", "wait", f"{checkout.id}/plain", "--timeout", "60s")
    assert plain.returncode == ExitCode.OK, plain.stderr
    waited = gitops(checkout, "app", "wait", subject, "--timeout", "1s")
    assert waited.returncode == ExitCode.UNHEALTHY
    unknown = gitops(checkout, "app", "get", f"{checkout.id}/wep")
    assert unknown.returncode == ExitCode.FAILED
    assert f'did you mean "{subject}"?' in unknown.stderr

    checkout.remove("web")
    assert gitops(checkout, "up", "--yes").returncode == ExitCode.OK
    gone = gitops(checkout, "app", "wait", name, "--delete", "--timeout", "120s")
    assert gone.returncode == ExitCode.OK, gone.stderr
    assert gitops(checkout, "app", "wait", name, "--timeout", "1s").returncode == ExitCode.FAILED
