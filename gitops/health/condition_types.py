"""What does it mean that a condition of some type is True? Asked by the general rule.

The types are those of Kubernetes' "API Conventions", kstatus, Gateway API, Flux, cert-manager,
Crossplane, Knative and the operators home labs run; what is not here says nothing about health.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Meaning(StrEnum):
    """What a condition stands for while it is True."""

    SUMMARY = "the object works"
    END = "it came to a good end; False until then"
    FAILURE = "it does not work"
    PAUSE = "someone asked it to stand still"
    ONGOING = "a change is under way"
    FIRST_ONGOING = "a change is under way, which matters only until the object works"


_TABLE: Mapping[Meaning, str] = {
    Meaning.SUMMARY: "Accepted Applied Available Established Healthy Programmed Ready Reconciled "
    "ResolvedRefs Succeeded Successful Synced Synchronized Valid",
    Meaning.END: "Complete Completed",
    Meaning.FAILURE: "Conflicted Degraded Errored Invalid InvalidSpec NoMatchingInstance "
    "NoMatchingInstances Stalled Unhealthy",
    Meaning.PAUSE: "Paused ReconciliationPaused Suspended",
    Meaning.ONGOING: "Progressing Reconciling",
    Meaning.FIRST_ONGOING: "Creating Deploying Initializing Installing Issuing Pending "
    "Provisioning Updating Upgrading",
}
_MEANINGS = {kind: meaning for meaning, kinds in _TABLE.items() for kind in kinds.split()}
_FAILURE_ENDINGS = ("Error", "Failed", "Failure")
_PART_ENDINGS = (
    "Accepted",
    "Available",
    "Ready",
    "Reconciled",
    "Succeeded",
    "Synced",
    "Synchronized",
)


def meaning(kind: str) -> Meaning | None:
    """What a condition of this type means when it is True; ``None`` for one nobody knows."""
    if known := _MEANINGS.get(kind):
        return known
    return Meaning.FAILURE if kind.endswith(_FAILURE_ENDINGS) else None


def is_part(kind: str) -> bool:
    """Whether it tells of a part, such as DashboardSynchronized; parts count without a summary."""
    return kind.endswith(_PART_ENDINGS)
