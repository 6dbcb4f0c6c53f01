"""A pass can be asked for through the cluster, by whoever makes the passes."""

from __future__ import annotations

import json
from typing import Any

from cluster.connection import Connection
from cluster.trigger import ask, asked, start_job
from tests.cluster.conftest import create

POD: dict[str, Any] = {
    "restartPolicy": "Never",
    "containers": [{"name": "reconciler", "image": "registry.example/home-ops:1"}],
}


def test_a_wish_is_told_from_the_one_before(connection: Connection, namespace: str) -> None:
    """Every wish is another text, for that stack alone; before the first there is none."""
    assert asked(connection, namespace=namespace, stack="a") == ""
    ask(connection, namespace=namespace, stack="a")
    first = asked(connection, namespace=namespace, stack="a")
    ask(connection, namespace=namespace, stack="a")
    assert first
    assert asked(connection, namespace=namespace, stack="a") not in ("", first)
    assert asked(connection, namespace=namespace, stack="b") == ""


def test_a_job_as_the_cron_job_would_make_it(connection: Connection, namespace: str) -> None:
    """It has the CronJob's template, labels and mark, belongs to it, and each one its own name;
    without a CronJob none is made."""
    assert start_job(connection, namespace=namespace) is None
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": POD}}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": template}
    root = f"/apis/batch/v1/namespaces/{namespace}"
    owner = create(connection, f"{root}/cronjobs", "batch/v1", "CronJob", "reconciler", spec=spec)
    names = {start_job(connection, namespace=namespace) for _ in range(2)}
    assert len(names) == 2
    for name in names:
        job = connection.get(f"{root}/jobs/{name}")
        assert job["metadata"]["labels"]["a"] == "b"
        assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
        [reference] = job["metadata"]["ownerReferences"]
        assert reference["uid"] == owner["metadata"]["uid"]
        assert reference["controller"]
        assert job["spec"]["template"]["spec"]["containers"][0]["image"] in json.dumps(POD)
