"""What runs around the deletion of an Application that has left Git?

Its PreDelete and PostDelete hooks, as the last sync knew them: Git holds nothing of it any more, so
they are kept in the inputs of its component. Written by the Application, read by the program.
Source: ArgoCD, "Sync Phases and Waves" (PreDelete, PostDelete).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.application import ApplicationSpec, Destination, Source, SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.errors import ManifestError
from gitops.inventory import APPLICATION_TYPE, Inventory, InventoryObject
from gitops.manifest import Manifest, SyncPhase
from gitops.prune import Decision, PruneAction
from gitops.syncing.hook_plan import hooks_of
from gitops.syncing.options import ObjectOptions, object_options

DELETION_HOOKS = "deletionHooks"
DELETION_PHASES = (SyncPhase.PRE_DELETE, SyncPhase.POST_DELETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartedApplication:
    """An Application that has left Git: its hooks, and the objects that are deleted with it."""

    target: ApplicationTarget
    objects: tuple[InventoryObject, ...]


def deletion_hooks(target: ApplicationTarget) -> str:
    """The hooks of an Application's deletion as text; empty where there are none, or where its
    objects stay, so that nothing is deleted."""
    if target.spec.retained:
        return ""
    hooks = [each.manifest for each in target.hooks if each.phase in DELETION_PHASES]
    bodies = {each.key: each.body for each in hooks}  # once, though it may run in both phases
    return json.dumps(list(bodies.values()), sort_keys=True) if bodies else ""


def hold_a_secret(text: str) -> bool:
    """Whether the text of ``deletion_hooks`` must not be stored as it is."""
    return any((each["apiVersion"], each["kind"]) == ("v1", "Secret") for each in _bodies(text))


def departed_applications(
    inventory: Inventory, decisions: Iterable[Decision], *, present: Iterable[str]
) -> list[DepartedApplication]:
    """The Applications that have left Git, have hooks for that, and are deleted in this run.

    One of which everything stays (preserved, or held by the prune gate) is not deleted, so none of
    its hooks runs.

    Args:
        inventory: the last deployment.
        decisions: what becomes of every object that is not rendered any more.
        present: the Applications in Git.
    """
    pruned: dict[str, list[InventoryObject]] = {}
    for each in decisions:
        if each.action is PruneAction.PRUNE:
            pruned.setdefault(each.object.application, []).append(each.object)
    living, had = frozenset(present), inventory.applications
    return [
        DepartedApplication(
            target=_target(name, inputs), objects=tuple(sorted(pruned.get(name, ()), key=_key))
        )
        for name, inputs in sorted(inventory.application_inputs.items())
        if name not in living
        and deletion_hooks_of(inventory, name)
        and (name in pruned or name not in had)
    ]


def deletion_hooks_of(inventory: Inventory, application: str) -> str:
    """What the last deployment holds as ``deletion_hooks`` of an Application."""
    text = inventory.application_inputs.get(application, {}).get(DELETION_HOOKS)
    return text if isinstance(text, str) else ""


def sealed_hooks(export: Mapping[str, Any]) -> list[str]:
    """The URNs of Applications whose hooks are encrypted in an export, as one of them is a Secret.

    They have to be known to be run, or kept.
    """
    return [
        str(each["urn"])
        for each in _applications(export)
        if isinstance((each.get("inputs") or {}).get(DELETION_HOOKS), Mapping)
    ]


def with_sealed_hooks(export: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """An export in which these hooks can be read.

    Args:
        export: what `pulumi stack export` says.
        shown: the same with secrets shown.
    """
    texts = {
        str(each["urn"]): json.loads(each["inputs"][DELETION_HOOKS]["plaintext"])
        for each in _applications(shown)
        if str(each["urn"]) in sealed_hooks(export)
    }
    deployment = export["deployment"]
    resources = [
        {**each, "inputs": {**each["inputs"], DELETION_HOOKS: texts[each["urn"]]}}
        if each["urn"] in texts
        else each
        for each in deployment["resources"]
    ]
    return {**export, "deployment": {**deployment, "resources": resources}}


def options_of(found: InventoryObject, target: ApplicationTarget) -> ObjectOptions:
    """The options of an object of a departed Application; the defaults where they cannot be read
    any more."""
    try:
        return object_options(found.body, target.spec.sync_policy)
    except ManifestError:
        return target.default_options


def _applications(export: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    resources = (export.get("deployment") or {}).get("resources") or ()
    return [each for each in resources if each.get("type") == APPLICATION_TYPE]


def _target(name: str, inputs: Mapping[str, Any]) -> ApplicationTarget:
    policy = SyncPolicy(sync_options=dict(inputs.get("syncOptions") or {}))
    spec = ApplicationSpec(
        name=name,
        category="",
        application_set="",
        project=str(inputs.get("project", "")),
        source=Source(path=str(inputs.get("path", name))),
        destination=Destination(namespace=str(inputs.get("namespace", ""))),
        sync_policy=policy,
    )
    manifests = [Manifest.from_body(body) for body in _bodies(str(inputs[DELETION_HOOKS]))]
    hooks = (each for each in hooks_of(manifests).hooks if each.phase in DELETION_PHASES)
    return ApplicationTarget(
        spec=spec, hooks=tuple(hooks), default_options=object_options({}, policy)
    )


def _bodies(text: str) -> list[dict[str, Any]]:
    return list(json.loads(text)) if text else []


def _key(found: InventoryObject) -> Any:
    return found.key
