"""What does the state hold of an Application itself, beside its objects?

The inputs of its component. What stands there is for people who look at a preview, and for the next
run, which asks what the Application was when it has left Git or its set does not change it.
"""

from __future__ import annotations

from typing import Any

from components.deletion import deletion_hooks_input
from gitops.application_target import ApplicationTarget
from gitops.argocd.set_policy import INPUT
from gitops.deployment.inventory import Inventory
from gitops.impersonation import INPUT as ACCOUNT
from gitops.syncing.deletion import DELETION_HOOKS, deletion_hooks


def application_inputs(
    target: ApplicationTarget, inventory: Inventory, *, departed: bool
) -> dict[str, Any]:
    """The inputs of an Application.

    Args:
        target: what Git says of it.
        inventory: the last deployment.
        departed: it is no longer in Git.
    """
    spec = target.spec
    inputs: dict[str, Any] = {
        "project": spec.project,
        "path": spec.source.path,
        "namespace": spec.destination.namespace,
        "labels": dict(spec.labels),
        "syncOptions": dict(spec.sync_policy.sync_options),  # asked for when it has left Git
        "digest": target.digest,
    }
    if spec.made_by_set:
        inputs[INPUT] = spec.made_by_set
    if target.account is not None:
        inputs[ACCOUNT] = str(target.account)
    if hooks := deletion_hooks(target):
        inputs[DELETION_HOOKS] = hooks
    if target.error is not None or target.stopped or departed:
        # it keeps what it had and shows as unchanged, not as emptied
        inputs = dict(inventory.application_inputs.get(spec.name, inputs))
    if DELETION_HOOKS in inputs:
        inputs[DELETION_HOOKS] = deletion_hooks_input(str(inputs[DELETION_HOOKS]))
    return inputs
