"""What people see after a sync, and what a script can wait for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from reconciler.commands.exit_codes import ExitCode
from tests.e2e.checkout import Checkout
from tests.e2e.objects import config_map, definition, thing

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


SCRIPT = """
if obj.spec.works then
  return {status = "Healthy"}
end
return {status = "Degraded", message = "the fan of " .. obj.metadata.name .. " is broken"}
"""


def test_a_health_script_of_the_user_is_asked_everywhere(checkout: Checkout) -> None:
    """The same script of the stack's config holds a wave, fails a hook, and is what the status and
    `gitops health` show."""
    group = f"{checkout.id}.example.org"
    checkout.configure(resourceCustomizations={"*.example.org/*": {"health.lua": SCRIPT}})
    later = config_map("later", annotations={"argocd.argoproj.io/sync-wave": "1"})
    broken = thing(f"{group}/v1", "Widget", "first", spec={"works": False})
    checkout.write("fans", definition(group, "Widget"), broken, later)
    held = gitops(checkout, "up", "--yes")
    assert held.returncode == ExitCode.FAILED
    assert "the fan of first is broken" in held.stderr
    assert "the fan of first is broken" in held.stdout
    assert checkout.live.find("ConfigMap", "later", checkout.namespace) is None

    judged = gitops(checkout, "health", "-f", str(checkout.app("fans") / "objects.yaml"))
    assert judged.returncode == ExitCode.UNHEALTHY
    assert "the fan of first is broken" in judged.stdout

    hook = thing(
        f"{group}/v1",
        "Widget",
        "second",
        annotations={"argocd.argoproj.io/hook": "PostSync"},
        spec={"works": False},
    )
    checkout.write(
        "fans", definition(group, "Widget"), broken | {"spec": {"works": True}}, later, hook
    )
    failed = gitops(checkout, "up", "--yes")
    assert failed.returncode == ExitCode.FAILED
    assert "the fan of second is broken" in failed.stderr
    assert checkout.live.find("ConfigMap", "later", checkout.namespace) is not None
