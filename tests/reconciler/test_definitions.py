"""A stack that has the definitions of Git needs no run."""

from __future__ import annotations

from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.objects.manifest import Manifest
from gitops.target import Target
from reconciler.syncing.definitions import settled
from tests.gitops.objects import application, config_map, definition, deployed, inventory


def target(*bodies: dict[str, Any]) -> Target:
    manifests = tuple(map(Manifest.from_body, bodies))
    return Target(applications=(ApplicationTarget(spec=application(), manifests=manifests),))


def test_settled() -> None:
    """All definitions of Git, none changed and no other; other objects do not matter."""
    one, two = definition("Widget"), definition("Gadget")
    state = inventory(deployed(one))
    assert settled(target(one, config_map()), state)
    assert not settled(target(one, two), state)
    assert not settled(target(config_map()), state)
    assert not settled(target(definition("Widget", scope="Cluster")), state)
