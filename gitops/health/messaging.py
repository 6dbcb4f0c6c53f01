"""Does a broker run? Rules for Strimzi."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import cause, mappings, text
from gitops.health.status import Health, HealthStatus, degraded, progressing, suspended
from gitops.health.words import read

_REBALANCE_WAITS = "ProposalReady"
_REBALANCE_WORKS = ("PendingProposal", "ProposalPending", "Rebalancing")


def strimzi(live: Mapping[str, Any]) -> Health | None:
    """NotReady stands in place of Ready, with why; a rebalance has its states as conditions.

    Strimzi, "Deploying and Managing", "Checking the status of a custom resource" and "Rebalance
    states": a proposal waits for someone to approve it.
    """
    for each in mappings(live, "status", "conditions"):
        kind = text(each, "type")
        if text(each, "status") != "True":
            continue
        if kind == "NotReady":
            is_working = read(text(each, "reason")) is HealthStatus.PROGRESSING
            told = cause(each) or "not ready"
            return progressing(told) if is_working else degraded(told)
        if kind == _REBALANCE_WAITS:
            return suspended("its proposal waits to be approved")
        if kind == "Stopped":
            return suspended("stopped")
        if kind in _REBALANCE_WORKS:
            return progressing(kind)
    return None
