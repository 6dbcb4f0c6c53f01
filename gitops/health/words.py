"""Does a word such as ``WaitingForPluginOperations`` tell something good or bad?

Called by the general rule for phases, states and the reasons of conditions. Kubernetes gives
``phase`` no fixed values ("API Conventions", "Typical status properties"), so words are read one by
one, and the first of the table's statuses that one of them has decides: ``PartiallyFailed`` is a
failure, ``Setting up primary`` is under way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gitops.health.status import HealthStatus

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_TABLE: Mapping[HealthStatus, str] = {
    HealthStatus.DEGRADED: "aborted backoff broken cancelled canceled conflict conflicted "
    "conflicts crash crashed crashloop degraded denied err error errored errors exceeded "
    "expired fail failed fails failure fatal faulted forbidden incompatible invalid killed lost "
    "missing red refused rejected stalled timeout timedout unable unauthorized unavailable "
    "unhealthy unreachable unrecoverable unschedulable unsupported",
    HealthStatus.SUSPENDED: "disabled halted hibernated paused sleeping stopped suspended",
    HealthStatus.PROGRESSING: "applying binding bootstrap bootstrapping building configuring "
    "connecting creating deleting deploying downloading draining expanding failing finalizing "
    "importing inprogress "
    "initialising initializing installing issuing joining migrating new pending planning "
    "preparing processing progress progressing provisioning queued rebalancing reconciling "
    "recovering requested resizing restarting restoring rolling scaling scheduling setting "
    "starting stopping switching switchover syncing synchronizing terminating updating "
    "upgrading uploading validating verifying waiting yellow",
    HealthStatus.HEALTHY: "accepted active applied approved attached available bound complete "
    "completed configured connected created current deployed detached done enabled established "
    "finished green healthy idle initialized installed issued normal ok online open operational "
    "present provisioned ready reconciled registered running stable succeeded success "
    "successful synced synchronized unsealed up valid",
}
_STATUSES = {word: status for status, words in _TABLE.items() for word in words.split()}
_NOT = frozenset({"no", "non", "not", "without"})
_NEVER = {"accepted", "allowed", "authorized", "exist", "found", "permitted", "supported", "valid"}


def read(text: str) -> HealthStatus | None:
    """What a phase or reason says: Healthy, Suspended, Progressing, Degraded or Unknown.

    ``None`` when no word of it is known.
    """
    words = {word.lower() for word in _WORD.findall(text)}
    if words == {"unknown"}:
        return HealthStatus.UNKNOWN
    said = {_STATUSES[word] for word in words if word in _STATUSES}
    if words & _NOT:
        return _read_negated(words, said)
    return next((status for status in _TABLE if status in said), None)


def _read_negated(words: set[str], said: set[HealthStatus]) -> HealthStatus | None:
    """``NotFound`` will stay so, ``NotReady`` may pass, ``NoErrors`` is good."""
    if words & _NEVER:
        return HealthStatus.DEGRADED
    if HealthStatus.HEALTHY in said:
        return HealthStatus.PROGRESSING
    return HealthStatus.HEALTHY if HealthStatus.DEGRADED in said else None
