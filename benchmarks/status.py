"""What does the status of all Applications cost? 1,500 live objects in 60 Applications.

Called by the command line like a scenario. The objects are written to the API server directly, as
the program would mark them, and its controllers run what they describe; in three Applications a
Deployment crashes, so that the second round of LISTs is measured as well.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.checkout import STACK, BenchmarkError, Checkout
from benchmarks.measurements import Limits
from benchmarks.report import Row, Sample
from benchmarks.scenarios import Body, Scenario, settings, small_object
from cluster.connection import Connection, connect
from cluster.discovery import ClusterFacts, facts
from gitops.objects.ownership import Ownership, live_key, marked

NAME = "status"
APPLICATIONS = 60
OBJECTS = 25
CRASHING = 3
_CATEGORIES = 6
_TARGET_SECONDS = 1.0
_READY_SECONDS = 180.0


def measure(directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure in an empty folder.

    Raises:
        BenchmarkError: the objects do not come to what they should be.
    """
    checkout = Checkout(directory, _scenario(), timeout=max(60.0, limits.until - time.monotonic()))
    try:
        checkout.start_cluster()
        _fill(checkout)
        found = _settled(checkout)
        lists = f"{found['requests']} LISTs, {found['bytes'] / 1e6:.1f} MB"
        samples = [_sample(checkout) for _ in limits.cheap(checkout.scenario)]
        yield _row(f"status, {lists}", samples, target=_TARGET_SECONDS)
        yield _row(
            "gitops app list, whole process",
            [_command(checkout) for _ in limits.cheap(checkout.scenario)],
        )
    finally:
        checkout.stop()


def _scenario() -> Scenario:
    return Scenario(
        name=NAME,
        description="1,500 live objects in 60 Applications, some of which crash",
        application="bench-category-00-app-000",
        edited="",
        files={
            f"apps/category-{number % _CATEGORIES:02}/app-{number:03}/objects.yaml": "{}\n"
            for number in range(APPLICATIONS)
        },
        settings=settings(),
        objects=APPLICATIONS * OBJECTS,
        repeats=5,
    )


def _fill(checkout: Checkout) -> None:
    os.environ["KUBECONFIG"] = checkout.environment["KUBECONFIG"]
    with connect() as connection:
        served = facts(connection)
        for number in range(_CATEGORIES):
            body = {"apiVersion": "v1", "kind": "Namespace"}
            _post(connection, served, {**body, "metadata": {"name": f"category-{number:02}"}})
        every = [
            _mark(number, body) for number in range(APPLICATIONS) for body in _application(number)
        ]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda body: _post(connection, served, body), every))


def _mark(number: int, body: Body) -> Body:
    category = f"category-{number % _CATEGORIES:02}"
    placed = {**body, "metadata": {**body["metadata"], "namespace": category}}
    name = f"bench-{category}-app-{number:03}"
    return marked(placed, live_key(placed), Ownership(application=name, stack=STACK))


def _post(connection: Connection, served: ClusterFacts, body: Body) -> None:
    key = live_key(body)
    resource = served.find(key.group, key.kind)
    assert resource is not None
    connection.post(resource.path(namespace=key.namespace), json.dumps(body).encode())


def _application(number: int) -> list[Body]:
    """25 objects: small ones of six kinds, and five whose health is read off their status."""
    name = f"app-{number:03}"
    outcome = "crash" if number < CRASHING else ""
    found = [small_object(number, each) for each in range(OBJECTS - 5)]
    found.append(_deployment(name, outcome=outcome))
    found.append(_deployment(f"{name}-worker", outcome=""))
    service: Body = {"selector": {"app": name}, "ports": [{"port": 80}]}
    found.append(_body("v1", "Service", name, service))
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    found.append(_body("v1", "PersistentVolumeClaim", name, claim))
    job = {"template": _template(name, outcome="", restart="Never")}
    schedule = {"schedule": "0 5 * * *", "jobTemplate": {"spec": job}}
    found.append(_body("batch/v1", "CronJob", name, schedule))
    return found


def _deployment(name: str, *, outcome: str) -> Body:
    template = _template(name, outcome=outcome, restart="Always")
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return _body("apps/v1", "Deployment", name, spec)


def _template(name: str, *, outcome: str, restart: str) -> Body:
    annotations = {"home-ops.local/outcome": outcome} if outcome else {}
    container = {"name": "main", "image": "registry.example/app:1.0.0"}
    spec = {"containers": [container], "restartPolicy": restart}
    return {"metadata": {"labels": {"app": name}, "annotations": annotations}, "spec": spec}


def _body(api_version: str, kind: str, name: str, spec: Body) -> Body:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _settled(checkout: Checkout) -> dict[str, Any]:
    """Wait until all Applications are Healthy but those that crash, whose Pods are named."""
    end = time.monotonic() + _READY_SECONDS
    while True:
        found = _read(checkout)[0]
        health = found["health"]
        ready = health == {"Healthy": APPLICATIONS - CRASHING, "Progressing": CRASHING}
        if ready and not found["unexplained"] and found["objects"] == APPLICATIONS * OBJECTS:
            return found
        if time.monotonic() > end:
            raise BenchmarkError(f"the Applications did not settle: {found}")
        time.sleep(1)


def _read(checkout: Checkout) -> tuple[dict[str, Any], Sample]:
    before = checkout.cluster_cpu_seconds()
    command = (sys.executable, "-m", "benchmarks.reading", str(checkout.root), STACK)
    run = checkout.run(*command)
    found: dict[str, Any] = json.loads(run.output.splitlines()[-1])
    return found, Sample(
        seconds=found["seconds"],
        cpu_seconds=run.cpu_seconds,
        cluster_cpu_seconds=checkout.cluster_cpu_seconds() - before,
        peak_bytes=run.peak_bytes,
    )


def _sample(checkout: Checkout) -> Sample:
    return _read(checkout)[1]


def _command(checkout: Checkout) -> Sample:
    run = checkout.run("gitops", "app", "list", "--stack", STACK)
    return Sample(seconds=run.seconds, cpu_seconds=run.cpu_seconds, peak_bytes=run.peak_bytes)


def _row(measurement: str, samples: list[Sample], *, target: float | None = None) -> Row:
    return Row(
        scenario=NAME,
        measurement=measurement,
        objects=APPLICATIONS * OBJECTS,
        samples=samples,
        target=target,
    )
