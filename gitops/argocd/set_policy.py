"""What does an ApplicationSet do about Applications that are there already, or not generated now?

ArgoCD's ``applicationsSync`` ("Controlling if/when the ApplicationSet controller modifies
Applications"): ``create-only`` and ``create-delete`` leave an Application as it was made,
``create-only`` and ``create-update`` one that is generated no longer. ArgoCD remembers in the
Application object what was made; here it stands in Pulumi's state, among the inputs of the
Application's component. Read by the readers of an ArgoCD repository, told by whoever has read the
state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.application import RESOURCES_FINALIZERS
from gitops.deployment.inventory import Inventory
from gitops.gate.settings import ANNOTATION

SYNC = "sync"
NEVER_UPDATED = frozenset({"create-only", "create-delete"})
NEVER_DELETED = frozenset({"create-only", "create-update"})
INPUT = "madeBySet"
"""The input of an Application's component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An Application as its set has made it: the set, its ``applicationsSync``, the manifest."""

    application_set: str
    policy: str
    manifest: Mapping[str, Any] = field(hash=False)

    def __str__(self) -> str:
        values = {"set": self.application_set, "policy": self.policy, "manifest": self.manifest}
        return json.dumps(values, sort_keys=True)


Recall = Callable[[frozenset[str] | None], Mapping[str, Made]]
"""What sets have made so far, by Application.

Asked with None where a set has to know what it made, and in the end with the names of all
Applications in Git: who knows that there were no others need not look.
"""


def nothing_made(_names: frozenset[str] | None) -> Mapping[str, Made]:
    """What is known where no state is at hand."""
    return {}


def recalled(inventory: Inventory) -> dict[str, Made]:
    """What the state holds; what it holds in another form was never made."""
    found = {}
    for name, inputs in inventory.application_inputs.items():
        try:
            values = json.loads(str(inputs.get(INPUT) or "null"))
            found[name] = Made(
                application_set=values["set"],
                policy=values["policy"],
                manifest=values["manifest"],
            )
        except (ValueError, KeyError, TypeError):
            continue
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInGit:
    """What an ApplicationSet in Git says about all its Applications, those it made once too.

    Args:
        name: its name.
        policy: its ``applicationsSync``.
        preserving: objects stay when an Application leaves Git.
        confirm: the deletions its template confirms.
    """

    name: str
    policy: str = SYNC
    preserving: bool = False
    confirm: str = ""


def set_in_git(body: Mapping[str, Any], *, policy: str) -> SetInGit:
    """What a manifest that its table allows says.

    Args:
        body: the manifest.
        policy: takes the place of its ``applicationsSync``, unless empty.
    """
    spec = body["spec"]
    sync_policy = spec.get("syncPolicy", {})
    policy = policy or sync_policy.get("applicationsSync", SYNC)
    metadata = spec["template"].get("metadata", {})
    preserve = sync_policy.get("preserveResourcesOnDeletion", False)
    finalizers = set(metadata.get("finalizers", ()))
    confirm = metadata.get("annotations", {}).get(ANNOTATION, "")
    return SetInGit(
        name=body["metadata"].get("name", ""),
        policy=policy,
        preserving=policy in NEVER_DELETED or (preserve and not RESOURCES_FINALIZERS & finalizers),
        confirm="" if "{{" in confirm else confirm,
    )
