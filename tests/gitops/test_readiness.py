"""When a wave is healthy: what is live, and what it takes for the next wave to begin."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.health import Health, HealthStatus, UserRule, UserRules
from gitops.objects.manifest import Manifest
from gitops.syncing.readiness import (
    DEGRADED_SECONDS,
    Degradation,
    Unready,
    binding_late,
    has_health,
    told,
    unready,
)
from tests.gitops.objects import an_object, config_map, key_of

LATE = "WaitForFirstConsumer"
DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


def holding(live: dict[str, Any] | None, target: dict[str, Any] | None = None) -> list[str]:
    """What holds the wave of one object."""
    manifest = Manifest.from_body(target or live or {})
    found = unready([manifest], {} if live is None else {manifest.key: live}, late_classes={"late"})
    return [str(each) for each in found]


def deployment(**spec: Any) -> dict[str, Any]:
    return an_object("apps/v1", "Deployment", "a", spec={"replicas": 1, **spec})


def job(*conditions: str, **spec: Any) -> dict[str, Any]:
    found = [{"type": each, "status": "True", "message": "told"} for each in conditions]
    return an_object("batch/v1", "Job", "a", spec=spec, status={"conditions": found})


def claim(phase: str, storage_class: str) -> dict[str, Any]:
    spec = {"storageClassName": storage_class}
    return an_object("v1", "PersistentVolumeClaim", "a", spec=spec, status={"phase": phase})


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (job("Complete"), []),
        (job(), ["Job.batch a is Progressing (0 Pods active)"]),
        (job("Failed"), ["Job.batch a is Degraded (told)"]),
        (an_object("example.com/v1", "Widget", "a"), []),
        (claim("Bound", "fast"), []),
        (
            claim("Pending", "fast"),
            ["PersistentVolumeClaim a is Progressing (no volume bound yet (class fast))"],
        ),
        (claim("Pending", "late"), []),
        (
            claim("Lost", "late"),
            ["PersistentVolumeClaim a is Degraded (its volume is gone)"],
        ),
    ],
)
def test_what_holds_a_wave(live: dict[str, Any], expected: list[str]) -> None:
    """Healthy and kinds without health let go, and claims that wait for a Pod of a later wave."""
    assert holding(live) == expected


def test_suspended_passes_where_git_says_so() -> None:
    """ArgoCD waits for what is suspended; what Git itself suspends will never be anything else."""
    paused = deployment(paused=True)
    assert holding(paused, deployment()) == [
        "Deployment.apps a is Suspended (its rollout is paused (spec.paused))"
    ]
    assert holding(paused, paused) == []


def test_the_users_scripts_decide() -> None:
    """A health script of the user's holds a wave, and lets it go."""
    widget = an_object("example.com/v1", "Widget", "a", spec={"status": "Degraded"})
    script = 'return {status = obj.spec.status, message = "told"}'
    manifest = Manifest.from_body(widget)
    with UserRules([UserRule(pattern="example.com/Widget", script=script)]) as rules:
        (found,) = unready([manifest], {manifest.key: widget}, rules=rules)
        assert str(found) == "Widget.example.com a is Degraded (told)"
        healthy = {**widget, "spec": {"status": "Healthy"}}
        assert unready([manifest], {manifest.key: healthy}, rules=rules) == []


def test_what_is_gone_holds() -> None:
    """An object somebody deleted meanwhile is named."""
    assert holding(None, job()) == ["Job.batch a is Missing (it is not in the cluster any more)"]


def test_kinds_that_cannot_become_anything_are_not_looked_at() -> None:
    """A ConfigMap is all it can be once it is applied; of a custom resource nobody knows that."""
    assert not has_health(Manifest.from_body(config_map()))
    assert has_health(Manifest.from_body(an_object("example.com/v1", "ConfigMap", "a")))


def test_classes_that_bind_late() -> None:
    """The default class stands for claims that name none."""
    classes = [
        an_object("storage.k8s.io/v1", "StorageClass", "now", volumeBindingMode="Immediate"),
        an_object(
            "storage.k8s.io/v1", "StorageClass", "late", annotations=DEFAULT, volumeBindingMode=LATE
        ),
    ]
    assert binding_late(classes) == {"late", ""}
    assert binding_late(classes[:1]) == frozenset()


def test_degraded_has_to_last() -> None:
    """Degraded is taken for failed when it was so at every look for a while."""
    degraded = a_state(HealthStatus.DEGRADED)
    degradation = Degradation()
    assert degradation.lasting([degraded], now=0) == []
    assert degradation.lasting([degraded], now=DEGRADED_SECONDS - 1) == []
    assert degradation.lasting([degraded], now=DEGRADED_SECONDS) == [degraded]
    assert degradation.lasting([a_state(HealthStatus.PROGRESSING)], now=20) == []
    assert degradation.lasting([degraded], now=21) == []


def a_state(status: HealthStatus, name: str = "a") -> Unready:
    return Unready(key=key_of(config_map(name)), health=Health(status=status))


def test_many_are_counted() -> None:
    """An error names a few and how many more there are."""
    states = [a_state(HealthStatus.MISSING, f"c{number}") for number in range(7)]
    assert told(states[:1]) == "ConfigMap c0 is Missing"
    assert told(states).endswith("; ConfigMap c4 is Missing; and 2 more")
