"""Hooks run as ArgoCD runs them: when each starts, how it ends, and what is left of it."""

from __future__ import annotations

import asyncio

import pytest

from cluster.connection import Connection
from cluster.hook_wait import HookResult
from gitops.objects.manifest import HOOK
from gitops.syncing.hook_plan import HOOK_DELETE_POLICY
from tests.cluster.conftest import create
from tests.cluster.hooks import APPLICATION, FAILS, NOWHERE, QUICK, Hooks, job
from tests.gitops.objects import an_object

pytestmark = pytest.mark.e2e


@pytest.fixture
def hooks(connection: Connection, namespace: str) -> Hooks:
    return Hooks(connection, namespace)


def test_succeeds_and_says_so(hooks: Hooks) -> None:
    """A Job that completes has succeeded; it is marked as the Application's hook and each step is
    reported."""
    (result,) = hooks.run(job("migrate"))
    assert result.error is None
    (live,) = hooks.jobs()
    assert live["status"]["succeeded"] == 1
    metadata = live["metadata"]
    assert metadata["labels"]["home-ops/application"] == APPLICATION
    assert metadata["labels"]["home-ops/hook"] == "PreSync"
    assert metadata["annotations"]["home-ops/tracking-id"] == (
        f"{APPLICATION}:batch/Job:{hooks.namespace}/migrate"
    )
    name = f"PreSync hook Job.batch {hooks.namespace}/migrate"
    assert hooks.lines[0] == f"{name} runs"
    assert hooks.lines[1].startswith(f"{name} succeeded after ")


def test_failure_tells_what_the_pods_said(hooks: Hooks) -> None:
    """A failed Job is an error with its reason, its pods' ends and why there is no log; the other
    hook of its wave is still waited for."""
    slow = {"home-ops.local/run-for": "2s"}
    results = hooks.run(job("broken", pod=FAILS), job("slow", pod=slow))
    by_name = {each.hook.manifest.key.name: each for each in results}
    assert by_name["slow"].error is None
    text = str(by_name["broken"].error)
    assert text.startswith(
        f"media/jellyfin: PreSync hook Job.batch {hooks.namespace}/broken failed after "
    )
    assert "BackoffLimitExceeded" in text
    assert "container main ended with Error, exit code 1" in text
    assert "container main: no log (" in text
    assert text.endswith("repair it; it runs again in the next sync")


DELETED_AFTERWARDS = [
    ((), QUICK, False),
    (("BeforeHookCreation",), FAILS, False),
    (("HookSucceeded",), QUICK, True),
    (("HookSucceeded",), FAILS, False),
    (("HookFailed",), QUICK, False),
    (("HookFailed",), FAILS, True),
    (("HookSucceeded", "HookFailed"), FAILS, True),
    (("Never",), QUICK, False),
]


def test_deleted_afterwards(hooks: Hooks) -> None:
    """HookSucceeded and HookFailed delete the object that ended so, and no other."""
    bodies = [
        job(f"migrate-{number}", *policies, pod=pod)
        for number, (policies, pod, _) in enumerate(DELETED_AFTERWARDS)
    ]
    results = hooks.run(*bodies)
    left = hooks.uids()
    for number, (_, pod, deleted) in enumerate(DELETED_AFTERWARDS):
        assert (results[number].error is None) == (pod is QUICK)
        assert (f"migrate-{number}" not in left) is deleted, number


RUN_AGAIN = [
    ((), QUICK, True),
    (("BeforeHookCreation", "HookSucceeded"), FAILS, True),
    (("HookSucceeded",), FAILS, True),
    (("HookFailed",), QUICK, False),
    (("Never",), QUICK, False),
    (("Never",), FAILS, False),
]


def test_deleted_before(hooks: Hooks) -> None:
    """In the next sync a hook runs again where BeforeHookCreation says so or where it failed; else
    what is there counts, as in ArgoCD."""

    def run(digest: str) -> list[HookResult]:
        bodies = [
            job(f"migrate-{number}", *policies, pod=pod)
            for number, (policies, pod, _) in enumerate(RUN_AGAIN)
        ]
        return hooks.run(*bodies, digest=digest)

    run("d1")
    first = hooks.uids()
    results = run("d2")
    second = hooks.uids()
    for number, (_, pod, again) in enumerate(RUN_AGAIN):
        name = f"migrate-{number}"
        assert (second[name] != first[name]) is again, number
        assert (results[number].error is None) == (pod is QUICK)


def test_unfinished_deletion_is_waited_for(hooks: Hooks) -> None:
    """A policy HookSucceeded deletes what it made at the end; the next sync meets none of it."""
    hooks.run(job("migrate", "HookSucceeded"))
    (result,) = hooks.run(job("migrate", "HookSucceeded"), digest="d2")
    assert result.error is None
    assert hooks.jobs() == []


def test_generated_names(hooks: Hooks) -> None:
    """With generateName each run makes an object of its own; what earlier runs left goes where
    BeforeHookCreation holds, and nothing else does."""
    hooks.run(job("kept-", "HookFailed", generate=True), job("other"))
    hooks.run(job("kept-", "HookFailed", generate=True), digest="d2")
    hooks.run(job("swept-", generate=True))
    hooks.run(job("swept-", generate=True), digest="d2")
    names = sorted(hooks.uids())
    assert [name.split("-")[:3] for name in names] == [
        ["kept", "d1", "presync"],
        ["kept", "d2", "presync"],
        ["other"],
        ["swept", "d2", "presync"],
    ]


def test_hanging(hooks: Hooks) -> None:
    """A Job that does not end in time is an error that says what holds it; it is left to be looked
    at, and the next sync runs it anew, whatever its policy."""
    hooks.timeout = 1.0
    text = hooks.error(job("stuck", "HookSucceeded", node=NOWHERE))
    assert f"PreSync hook Job.batch {hooks.namespace}/stuck has not ended after " in text
    assert "1 Pods active" in text
    assert "not scheduled: " in text
    assert "Timeout=<seconds>" in text
    first = hooks.uids()
    hooks.timeout = 90.0
    (result,) = hooks.run(job("stuck", "HookFailed"), digest="d2")
    assert result.error is None
    assert hooks.uids().keys() == first.keys()
    assert hooks.uids() != first


def test_deadline_of_the_job_itself(hooks: Hooks) -> None:
    """A Job's own activeDeadlineSeconds ends it; no pod is left to ask."""
    text = hooks.error(job("late", node=NOWHERE, activeDeadlineSeconds=1))
    assert "DeadlineExceeded" in text


def test_deleted_by_hand(hooks: Hooks) -> None:
    """A Job somebody deletes while it runs is an error that says so; the next sync repeats it."""

    async def interrupted() -> list[HookResult]:
        running = asyncio.ensure_future(hooks.running(job("migrate", node=NOWHERE)))
        while not await asyncio.to_thread(hooks.jobs):
            await asyncio.sleep(0.05)
        path = f"/apis/batch/v1/namespaces/{hooks.namespace}/jobs/migrate"
        await asyncio.to_thread(hooks.connection.delete, path)
        return await running

    (result,) = asyncio.run(interrupted())
    assert f"PreSync hook Job.batch {hooks.namespace}/migrate was deleted before" in str(
        result.error
    )
    (result,) = hooks.run(job("migrate"))
    assert result.error is None


@pytest.mark.parametrize("pod", [QUICK, FAILS])
def test_a_job_that_removes_itself(hooks: Hooks, pod: dict[str, str]) -> None:
    """With ttlSecondsAfterFinished: 0 the Job is gone when it is looked at; how it ended counts."""
    (result,) = hooks.run(job("fleeting", pod=pod, ttlSecondsAfterFinished=0))
    assert (result.error is None) == (pod is QUICK)
    if result.error:
        assert "BackoffLimitExceeded" in str(result.error)


def test_what_a_killed_run_left(hooks: Hooks) -> None:
    """A Job that still runs since a run that was killed is deleted and run again; its pods go
    first."""
    left = job("migrate", node=NOWHERE)
    hooks.timeout = 0.5
    hooks.run(left)
    first = hooks.uids()
    hooks.timeout = 90.0
    (result,) = hooks.run(job("migrate"))
    assert result.error is None
    assert hooks.uids() != first
    pods = hooks.connection.get(f"/api/v1/namespaces/{hooks.namespace}/pods")["items"]
    assert [each["metadata"]["ownerReferences"][0]["uid"] for each in pods] == [
        *hooks.uids().values()
    ]


def test_what_cannot_be_created(hooks: Hooks) -> None:
    """A missing namespace, an object the API server refuses, a kind nobody serves and a name that
    is taken are errors that say what to do; nothing of that wave is created after one."""
    away = job("away")
    away["metadata"]["namespace"] = "no-such-namespace"
    assert "there is no namespace no-such-namespace" in hooks.error(away)
    assert "was refused by the API server" in hooks.error(job("wrong", nonsense=1), job("zz-after"))
    unserved = an_object("example.com/v1", "Widget", "w", annotations={HOOK: "PreSync"})
    assert "does not serve the kind Widget of example.com/v1" in hooks.error(unserved)
    path = f"/api/v1/namespaces/{hooks.namespace}/configmaps"
    create(hooks.connection, path, "v1", "ConfigMap", "settings")
    taken = an_object("v1", "ConfigMap", "settings", annotations={HOOK: "PreSync"})
    assert "an object of that name exists that is no hook" in hooks.error(taken)
    assert hooks.jobs() == []


def test_changed_hook_without_before_hook_creation(hooks: Hooks) -> None:
    """A Job cannot be changed in place: the error names the policy that is missing."""
    hooks.run(job("migrate", "HookFailed"))
    changed = job("migrate", "HookFailed", pod={**QUICK, "changed": "true"})
    text = hooks.error(changed, digest="d2")
    assert "field is immutable" in text
    assert text.endswith(
        f"add BeforeHookCreation to {HOOK_DELETE_POLICY}, or delete "
        f"Job.batch {hooks.namespace}/migrate"
    )


def test_other_kinds(hooks: Hooks) -> None:
    """A Pod has ended when it succeeded; what has no state of its own is done at once; a claim is
    never deleted, not even by BeforeHookCreation."""
    hook = {HOOK: "PreSync"}
    spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "example/x:1"}]}
    pod = an_object("v1", "Pod", "once", annotations={**hook, **QUICK}, spec=spec)
    bad = an_object("v1", "Pod", "bad", annotations={**hook, **FAILS}, spec=spec)
    account = an_object("v1", "ServiceAccount", "runner", annotations=hook)
    claim_spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "standard",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    claim = an_object("v1", "PersistentVolumeClaim", "data", annotations=hook, spec=claim_spec)
    hooks.timeout = 20.0
    first = {each.hook.manifest.key.name: each for each in hooks.run(pod, bad, account, claim)}
    assert [name for name, each in sorted(first.items()) if each.error and name != "data"] == [
        "bad"
    ]
    assert "Pod" in str(first["bad"].error)
    again = {each.hook.manifest.key.name: each for each in hooks.run(account, claim, digest="d2")}
    uid = {name: each.live["metadata"]["uid"] for name, each in {**first}.items() if each.live}
    assert again["runner"].live
    assert again["runner"].live["metadata"]["uid"] != uid["runner"]
    assert again["data"].live
    assert again["data"].live["metadata"]["uid"] == uid["data"]
