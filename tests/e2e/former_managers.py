"""Objects that somebody else brought into the cluster: an ArgoCD, ``kubectl apply``, and Helm."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.live import Body, Kind, key_of

TRACKING_ID = "argocd.argoproj.io/tracking-id"
INSTANCE = "app.kubernetes.io/instance"
ARGOCD = "argocd-controller"
APPLICATIONS = Kind("argoproj.io", "v1alpha1", "Application", "applications", namespaced=True)


def run(checkout: Checkout, *command: str, standard_input: str = "") -> str:
    """What a program says that has the checkout's kubeconfig; it must end well."""
    done = subprocess.run(
        command,
        cwd=checkout.root,
        env=dict(checkout.environment),
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def client_side(checkout: Checkout, *bodies: Body) -> None:
    """``kubectl apply``, client-side."""
    text = "\n---\n".join(json.dumps(each) for each in bodies)
    run(checkout, "kubectl", "apply", "-n", checkout.namespace, "-f", "-", standard_input=text)


def argocd(checkout: Checkout, application: str, *bodies: Body) -> None:
    """What an ArgoCD with server-side apply makes of objects, tracking by annotation and label."""
    for each in bodies:
        body = copy.deepcopy(each)
        body["metadata"]["namespace"] = checkout.namespace
        key = key_of(body)
        tracking = f"{application}:{key.group}/{key.kind}:{key.namespace}/{key.name}"
        annotations = body["metadata"].setdefault("annotations", {})
        annotations[TRACKING_ID] = tracking
        body["metadata"].setdefault("labels", {})[INSTANCE] = application
        options = ("--server-side", "--force-conflicts", f"--field-manager={ARGOCD}")
        run(checkout, "kubectl", "apply", *options, "-f", "-", standard_input=json.dumps(body))


def chart(path: Path, *bodies: Body) -> Path:
    """A chart that renders to these objects, with the labels Helm's charts have."""
    templates = path / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    about = {"apiVersion": "v2", "name": "small", "version": "1.0.0"}
    (path / "Chart.yaml").write_text(json.dumps(about))
    for number, each in enumerate(bodies):
        (templates / f"{number}.yaml").write_text(json.dumps(each))
    return path


def install(checkout: Checkout, release: str, path: Path) -> None:
    """``helm install``."""
    run(checkout, "helm", "install", release, str(path), "-n", checkout.namespace)


def application(name: str, *, automated: bool, resources: tuple[Body, ...] = ()) -> Body:
    """ArgoCD's own object, as its controller leaves it."""
    policy: dict[str, Any] = {"automated": {"prune": True}} if automated else {}
    return {
        "apiVersion": APPLICATIONS.api_version,
        "kind": APPLICATIONS.kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"project": "default", "syncPolicy": policy},
        "status": {"resources": [_resource(each) for each in resources]},
    }


def argocd_definition() -> Body:
    """The definition of ArgoCD's Application, without its schema."""
    body = objects.definition(APPLICATIONS.group, APPLICATIONS.kind)
    version = body["spec"]["versions"][0]
    version["name"] = APPLICATIONS.version
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version["schema"] = {"openAPIV3Schema": schema}
    return body


def _resource(body: Body) -> dict[str, str]:
    key = key_of(body)
    return {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}
