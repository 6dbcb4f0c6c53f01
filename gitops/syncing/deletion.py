"""What runs around the deletion of an Application that has left Git?

Its PreDelete and PostDelete hooks, as the last sync knew them: Git holds nothing of it any more, so
they are kept in the inputs of its component. Written by the Application, read by whoever decides
which deletions the program does itself (``deletion_order``).
Source: ArgoCD, "Sync Phases and Waves" (PreDelete, PostDelete).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gitops.application import ApplicationSpec, Destination, Source, SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import APPLICATION_TYPE, Inventory
from gitops.impersonation import last_account
from gitops.objects.manifest import Manifest, SyncPhase
from gitops.syncing.hook_plan import hooks_of
from gitops.syncing.options import object_options

DELETION_HOOKS = "deletionHooks"
DELETION_PHASES = (SyncPhase.PRE_DELETE, SyncPhase.POST_DELETE)


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


def departed_target(inventory: Inventory, application: str) -> ApplicationTarget:
    """An Application that has left Git, as the last deployment knows it: its options and the hooks
    of its deletion, and no objects."""
    inputs = inventory.application_inputs.get(application, {})
    policy = SyncPolicy(sync_options=dict(inputs.get("syncOptions") or {}))
    spec = ApplicationSpec(
        name=application,
        category="",
        application_set="",
        project=str(inputs.get("project", "")),
        source=Source(path=str(inputs.get("path", application))),
        destination=Destination(namespace=str(inputs.get("namespace", ""))),
        sync_policy=policy,
    )
    bodies = _bodies(deletion_hooks_of(inventory, application))
    hooks = hooks_of([Manifest.from_body(body) for body in bodies]).hooks
    return ApplicationTarget(
        spec=spec,
        hooks=tuple(each for each in hooks if each.phase in DELETION_PHASES),
        default_options=object_options({}, policy),
        account=last_account(inventory, application),
    )


def _applications(export: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    resources = (export.get("deployment") or {}).get("resources") or ()
    return [each for each in resources if each.get("type") == APPLICATION_TYPE]


def _bodies(text: str) -> list[dict[str, Any]]:
    return list(json.loads(text)) if text else []
