"""The reconciler's Job has a Pod for each shard, and one that fails ends no other."""

from __future__ import annotations

from datetime import timedelta

from gitops.config import RepositorySource, Settings
from gitops.configuration.deploy_settings import DeploySettings
from gitops.in_cluster.workload import workload
from gitops.objects.bootstrap_objects import bootstrap_objects
from gitops.rights.own import own_rights
from gitops.sharding.indexed_job import indexed
from gitops.sharding.settings import ONE, Shards

JOB = {"backoffLimit": 6, "podFailurePolicy": {"rules": [{"action": "Ignore"}]}}


def test_one_shard() -> None:
    """A stack that is not divided has the Job it had."""
    assert indexed(JOB, ONE) == JOB


def test_several() -> None:
    """Every shard has its Pod, its attempts and its own end; all hold leases of their own."""
    made = workload(
        DeploySettings(image="registry.example/home-ops:1.0.0"),
        RepositorySource(),
        namespace="home-ops",
        stack="home",
        interval=timedelta(minutes=3),
        shards=Shards(count=3),
    )
    job = next(e for e in made if e["kind"] == "CronJob")["spec"]["jobTemplate"]["spec"]
    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 3, 3)
    assert "backoffLimit" not in job
    assert job["backoffLimitPerIndex"] == 6
    assert [each["action"] for each in job["podFailurePolicy"]["rules"]] == ["Ignore", "FailIndex"]

    rights = own_rights("home", Shards(count=2))
    named = {(each.resource, each.name) for each in rights}
    assert named >= {
        ("leases", "home-ops-home"),
        ("leases", "home-ops-home-shard-1"),
        ("configmaps", "home-ops-home-shard-1"),
        ("configmaps", "home-ops-home-shards"),
    }
    # every pass asks how the states are arranged, also where there is one
    one = {(each.resource, each.name) for each in own_rights("home")}
    assert ("configmaps", "home-ops-home-shards") in one
    assert ("leases", "home-ops-home-shard-1") not in one


def test_settings() -> None:
    """The bootstrap's objects are those of the config's shards."""
    settings = Settings(cluster="home", shards=Shards(count=2))
    assert bootstrap_objects(settings, stack="home")
