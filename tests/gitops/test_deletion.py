"""Hooks of a deletion: how they outlive Git."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.objects.manifest import HOOK, Manifest, SyncPhase
from gitops.syncing.deletion import (
    DELETION_HOOKS,
    deletion_hooks,
    departed_target,
    hold_a_secret,
)
from gitops.syncing.hook_plan import hooks_of
from tests.gitops.objects import an_object, application, config_map, deployed, inventory

NAME = "local-media-jellyfin"


def hook(phases: str, name: str = "backup", kind: str = "ConfigMap") -> dict[str, Any]:
    return an_object("v1", kind, name, namespace="media", annotations={HOOK: phases})


def target(*hooks: dict[str, Any]) -> ApplicationTarget:
    planned = hooks_of([Manifest.from_body(body) for body in hooks]).hooks
    return ApplicationTarget(spec=application(), hooks=planned)


def after(text: str, *objects: dict[str, Any], **inputs: Any) -> Inventory:
    """A last deployment that knows the hooks of a deletion."""
    last = inventory(*(deployed(body) for body in objects))
    known = {"path": "apps/media/jellyfin", "namespace": "media", DELETION_HOOKS: text, **inputs}
    return replace(last, application_inputs={NAME: known})


def test_only_the_hooks_of_a_deletion_are_kept() -> None:
    """A hook of both phases is kept once, hooks of a sync not at all; no hooks are no text."""
    both = hook("PreDelete,PostDelete")
    text = deletion_hooks(target(both, hook("PreSync", "migrate")))
    assert json.loads(text) == [both]
    assert deletion_hooks(target(hook("PreSync"))) == ""


@pytest.mark.parametrize("spec", [{"preserve_resources_on_deletion": True}])
def test_an_application_that_leaves_everything_has_none(spec: dict[str, Any]) -> None:
    """Where the objects stay nothing is deleted, so no hook is kept for it."""
    preserved = replace(target(hook("PreDelete")), spec=replace(application(), **spec))
    assert deletion_hooks(preserved) == ""


def test_secrets_are_told() -> None:
    """The text is secret as soon as one of the hooks is a Secret."""
    assert not hold_a_secret(deletion_hooks(target(hook("PreDelete"))))
    assert hold_a_secret(deletion_hooks(target(hook("PreDelete", kind="Secret"))))
    assert not hold_a_secret("")


def test_a_departed_application_knows_its_hooks() -> None:
    """From the last deployment alone: subject, options, the hooks of each phase; no objects."""
    text = deletion_hooks(target(hook("PreDelete,PostDelete"), hook("PostDelete", "bye")))
    last = after(text, config_map(namespace="media"), syncOptions={"Timeout": "7"})
    found = departed_target(last, NAME)
    assert found.subject == "media/jellyfin"
    assert found.default_options.timeout == 7
    assert [(each.phase, each.manifest.key.name) for each in found.hooks] == [
        (SyncPhase.PRE_DELETE, "backup"),
        (SyncPhase.POST_DELETE, "backup"),
        (SyncPhase.POST_DELETE, "bye"),
    ]
    assert found.manifests == ()
