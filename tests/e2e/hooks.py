"""Hooks for the trees of the tests, and what becomes of them in the cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.engine_run import EngineRun
from tests.e2e.live import Body, Kind

JOBS = Kind("batch", "v1", "Job", "jobs", namespaced=True)
FAILS = {"home-ops.local/outcome": "fail"}
NOWHERE = {"home-ops.local/no-such-node": "true"}
ANNOTATIONS = {"hook": "argocd.argoproj.io/hook", "wave": "argocd.argoproj.io/sync-wave"}
POLICY = "argocd.argoproj.io/hook-delete-policy"


def hook(phase: str, *policies: str, wave: int = 0) -> dict[str, str]:
    """The annotations of a hook."""
    found = {ANNOTATIONS["hook"]: phase, ANNOTATIONS["wave"]: str(wave)}
    return {**found, POLICY: ",".join(policies)} if policies else found


def job(
    name: str,
    annotations: dict[str, str],
    *,
    fails: bool = False,
    hangs: bool = False,
    generate: bool = False,
) -> Body:
    """A hook that is a Job."""
    template = {
        "metadata": {"annotations": FAILS if fails else {}},
        "spec": {
            "restartPolicy": "Never",
            "nodeSelector": NOWHERE if hangs else {},
            "containers": [{"name": "main", "image": "registry.example/migrate:1"}],
        },
    }
    spec = {"backoffLimit": 0, "template": template}
    body = objects.thing("batch/v1", "Job", name, annotations=annotations, spec=spec)
    if generate:
        body["metadata"]["generateName"] = body["metadata"].pop("name")
    return body


def in_wave(wave: int) -> dict[str, str]:
    """The annotation of an object in a wave."""
    return {ANNOTATIONS["wave"]: str(wave)}


def jobs(checkout: Checkout) -> dict[str, Body]:
    """The Jobs of the tree's namespace that are there to stay, by name."""
    listed = [
        each
        for each in checkout.live.list(JOBS)
        if each["metadata"]["namespace"] == checkout.namespace
    ]
    stay = [each for each in listed if "deletionTimestamp" not in each["metadata"]]
    return {each["metadata"]["name"]: each for each in stay}


def uids(checkout: Checkout) -> dict[str, str]:
    """The uid of each Job."""
    return {name: each["metadata"]["uid"] for name, each in jobs(checkout).items()}


def value(checkout: Checkout, name: str) -> str | None:
    """What a ConfigMap holds; None where there is none."""
    found = checkout.live.find("ConfigMap", name, checkout.namespace)
    return found["data"]["value"] if found else None


def began(body: Body | None) -> datetime:
    """When an object was created."""
    assert body
    return datetime.fromisoformat(body["metadata"]["creationTimestamp"])


def ended(body: Body) -> datetime:
    """When a Job completed."""
    return datetime.fromisoformat(body["status"]["completionTime"])


def ran(run: EngineRun) -> list[str]:
    """The hooks a run says have run, in order of their beginning."""
    lines = (line.strip() for line in run.output.splitlines())
    names = [line.split()[-2].rpartition("/")[2] for line in lines if line.endswith(" runs")]
    return list(dict.fromkeys(names))  # a line is shown as it comes and in the summary


def meanwhile(checkout: Checkout, act: Callable[[], Any]) -> EngineRun:
    """What a run does while somebody acts."""
    with ThreadPoolExecutor(1) as pool:
        run: Future[EngineRun] = pool.submit(checkout.up)
        act()
        return run.result()
