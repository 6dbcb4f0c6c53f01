"""The API server takes the CronJob of a divided stack as it is made."""

from __future__ import annotations

import json
from datetime import timedelta

from cluster.connection import Connection
from gitops.config import RepositorySource
from gitops.configuration.deploy_settings import DeploySettings
from gitops.in_cluster.workload import workload
from gitops.sharding.settings import Shards


def test_cron_job_of_shards(connection: Connection) -> None:
    """Indexed completion, attempts by index and a failure policy that ends one index go together,
    and nothing of them is changed or dropped."""
    made = workload(
        DeploySettings(image="registry.example/home-ops:1.0.0"),
        RepositorySource(),
        namespace="default",
        stack="home",
        interval=timedelta(minutes=3),
        shards=Shards(count=4),
    )
    wanted = next(each for each in made if each["kind"] == "CronJob")
    path = "/apis/batch/v1/namespaces/default/cronjobs"
    parameters = {"dryRun": "All", "fieldValidation": "Strict"}
    found = connection.post(path, json.dumps(wanted).encode(), params=parameters)
    live = found["spec"]["jobTemplate"]["spec"]
    target = wanted["spec"]["jobTemplate"]["spec"]
    names = ("completionMode", "completions", "parallelism", "backoffLimitPerIndex")
    assert {name: live[name] for name in names} == {name: target[name] for name in names}
    actions = [each["action"] for each in live["podFailurePolicy"]["rules"]]
    assert actions == ["Ignore", "FailIndex"]
