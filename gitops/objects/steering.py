"""Which annotations tell the provider how to apply an object?

Called by the components, which register objects, and by adoption, which leaves an object as the
next sync would: the annotations are stored in the live object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.ignoring.partial import FIELD_MANAGER
from gitops.objects.manifest import annotations_of
from gitops.objects.scope import is_crd
from gitops.syncing.options import PropagationPolicy

_PROPAGATION = "pulumi.com/deletionPropagationPolicy"


def steering(
    body: Mapping[str, Any], propagation: PropagationPolicy = PropagationPolicy.FOREGROUND
) -> dict[str, str]:
    """The annotations for one object.

    Args:
        body: the object.
        propagation: what becomes of the objects it owns when it is deleted.
    """
    # Force, as ArgoCD does: a value another manager wrote last is taken over instead of failing
    # the sync.
    found = {
        "pulumi.com/patchFieldManager": FIELD_MANAGER,
        "pulumi.com/patchForce": "true",
    }
    if not is_crd(body):
        # Health is judged apart from applying. Only a definition is waited for, until the API
        # server serves it, because its users come right after.
        found["pulumi.com/skipAwait"] = "true"
    if propagation is not PropagationPolicy.FOREGROUND:  # the provider's own default
        found[_PROPAGATION] = propagation.value
    return found


def propagation(body: Mapping[str, Any]) -> PropagationPolicy:
    """What becomes of what an object owns when it is deleted, as the last sync left it."""
    return PropagationPolicy(annotations_of(body).get(_PROPAGATION, PropagationPolicy.FOREGROUND))
