"""An Application waits for what another shard has to bring first, and for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitops.application_order import ApplicationOrder
from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.health import Health, HealthStatus
from gitops.ignoring.rules import IgnoreRule, read
from gitops.objects.manifest import Manifest
from gitops.sharding.division import Division
from gitops.sharding.waiting import WAITS, Beside, awaited_beside, waiting
from gitops.status.resource import ResourceStatus
from gitops.target import Target
from tests.gitops.objects import an_object, application, config_map, definition, deployed

WIDGET = an_object("example.com/v1", "Widget", "w", namespace="media")


def target(name: str, *bodies: Mapping[str, Any]) -> ApplicationTarget:
    manifests = tuple(Manifest.from_body(dict(each)) for each in bodies)
    return ApplicationTarget(spec=application(name), manifests=manifests)


def division(
    own: ApplicationTarget, other: ApplicationTarget, *further: ApplicationTarget, **order: Any
) -> Division:
    """One Application here and one in shard 1; further ones are here."""
    whole = Target(applications=(own, other, *further), order=ApplicationOrder(**order))
    here = replace(whole, applications=(own, *further))
    return Division(whole=whole, own=here, beside={other.spec.name: 1})


def healthy(
    other: ApplicationTarget, status: HealthStatus = HealthStatus.HEALTHY
) -> list[ResourceStatus]:
    return [
        ResourceStatus(key=e.key, api_version=e.api_version, health=Health(status=status))
        for e in other.manifests
    ]


def beside(
    other: ApplicationTarget, *applied: Mapping[str, Any], live: bool = True, **more: Any
) -> Beside:
    """A state that has some objects of the other Application, which are in the cluster or not."""
    known: dict[str, Any] = {
        "statuses": {other.spec.name: healthy(other)} if live else {},
        "served": set(),
        "namespaces": set(),
        **more,
    }
    objects = [deployed(each, application=other.spec.name) for each in applied]
    inventory = Inventory(objects={each.key: each for each in objects})
    return Beside(state={1: inventory}.__getitem__, **known)


def reason(found: Division, known: Beside) -> str:
    """Why the Application here waits."""
    errors = waiting(found, {"own"}, known)
    assert all(str(each).endswith(WAITS) for each in errors.values())
    return errors["own"].reason if errors else ""


def test_a_declared_dependency() -> None:
    """It has to be in its shard's state as Git has it, and healthy in the cluster."""
    other = target("other", config_map("a", namespace="media", data={"v": "2"}))
    found = division(target("own"), other, declared={"own": ("other",)})
    assert awaited_beside(found) == {"other"}
    body = dict(other.manifests[0].body)
    older = {**body, "data": {"v": "1"}}
    assert "of shard 1, which is not synced yet" in reason(found, beside(other))
    assert "which is not synced yet" in reason(found, beside(other, older))
    assert reason(found, beside(other, body)) == ""
    assert "which is not healthy yet" in reason(found, beside(other, body, live=False))
    ill = {"other": healthy(other, HealthStatus.DEGRADED)}
    assert "which is not healthy yet" in reason(found, beside(other, body, statuses=ill))
    ignored: IgnoreRule = read({"kind": "ConfigMap", "jsonPointers": ["/data"]}, subject="a test")
    assert reason(found, beside(other, older, rules=[ignored])) == ""


def test_what_an_object_needs() -> None:
    """A kind that another shard defines has to be served, its namespace to be there."""
    namespace = an_object("v1", "Namespace", "media")
    kinds = target("other", definition(), namespace)
    found = division(target("own", WIDGET), kinds)
    known = beside(kinds, live=False)
    assert "Widget.example.com comes with" in reason(found, known)
    served = {("example.com", "Widget")}
    assert "namespace media comes with" in reason(found, replace(known, served=served))
    assert reason(found, replace(known, served=served, namespaces={"media"})) == ""


def test_an_inferred_dependency() -> None:
    """It is waited for while it is on its way, and no longer when it has failed."""
    other = target("other", config_map("a", namespace="media"))
    found = division(target("own"), other, inferred={"own": ("other",)})
    assert "not healthy yet" in reason(found, beside(other, live=False))
    ill = {"other": healthy(other, HealthStatus.DEGRADED)}
    assert reason(found, beside(other, statuses=ill)) == ""


def test_who_depends_on_one_that_waits() -> None:
    """It waits as well; one that is not asked for is not judged."""
    other = target("other", config_map("a", namespace="media"))
    order = {"own": ("other",), "last": ("own",)}
    found = division(target("own"), other, target("last"), declared=order)
    errors = waiting(found, {"own", "last"}, beside(other))
    assert errors.keys() == {"own", "last"}
    assert "waits for" in errors["last"].reason
    assert waiting(found, {"last"}, beside(other)) == {}
