"""What does an object without a rule of its own say about itself, by convention?

Called by ``assess``, for custom resources above all. Sources: Kubernetes "API Conventions",
"Typical status properties"; kstatus (cli-utils: observedGeneration, Reconciling, Stalled, Ready);
Gateway API, "Status", for conditions per parent, ancestor and listener. ``condition_types`` knows
the types; where they decide nothing, ``phases`` reads the rest of the status.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from gitops.health import phases, reporting
from gitops.health.condition_types import Meaning, is_part, meaning
from gitops.health.fields import SurpriseError, at, mapping, mappings, moment, number, text
from gitops.health.status import (
    Health,
    HealthStatus,
    degraded,
    healthy,
    progressing,
    suspended,
    worst_health,
)
from gitops.health.words import read
from gitops.objects import scope

JUST_CREATED = timedelta(seconds=10)
UNSETTLED = timedelta(minutes=2)

_ROLLED_OUT = "NewReplicaSetAvailable"  # a Deployment-like Progressing that is over
_PAUSE_ANNOTATIONS = frozenset({"paused", "pause-reconciliation"})
_NESTED = (
    *(("parents", "parentRef"), ("ancestors", "ancestorRef")),
    *(("listeners", ""), ("bindings", "")),
)


class Special(Protocol):
    """What is asked before the conditions: ``custom_resources.judge``."""

    def __call__(
        self, live: Mapping[str, Any], *, group: str, kind: str, now: datetime
    ) -> Health | None:
        """What a rule special to the kind says, if anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    kind: str
    status: str
    reason: str
    message: str
    is_stale: bool
    is_minor: bool
    since: datetime | None

    @property
    def meaning(self) -> Meaning | None:
        return meaning(self.kind)

    @property
    def stands(self) -> bool:
        return self.status == "True"

    def told(self, owner: str) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        message = f": {self.message}" if self.message else ""
        return f"{owner}{self.kind} is {self.status}{reason}{message}"


def any_kind(
    live: Mapping[str, Any],
    *,
    group: str,
    kind: str,
    now: datetime,
    special: Special | None = None,
) -> Health:
    """The health of an object of any kind, by what its status says.

    In this order: suspended by its spec, an annotation or a condition; the newest spec not seen
    yet; what a rule special to the kind says, if anything; conditions; phase, state and the like;
    nothing said, which is Progressing for a custom resource created just now (or of a kind that is
    always reported on), else Healthy.
    """
    status = mapping(live, "status")
    if pause := _paused_by(live):
        return suspended(pause)
    if not status:  # as most objects: only what is special has anything to read
        said = special(live, group=group, kind=kind, now=now) if special else None
        return said or _unreported(live, group=group, kind=kind, now=now)
    generation = number(live, "metadata", "generation") or 0
    observed = _whole(status.get("observedGeneration"))
    said = special(live, group=group, kind=kind, now=now) if special else None
    if observed is not None and observed < generation:
        if said and said.status is HealthStatus.PROGRESSING:
            return said
        return progressing(f"its controller has seen generation {observed} of {generation}")
    if said:
        return said
    found = [
        verdict
        for owner, conditions in _groups(live, generation)
        if (verdict := _verdict(owner, conditions, status, now))
    ]
    if found:
        return worst_health(found)
    return phases.judge(status) or _unreported(live, group=group, kind=kind, now=now)


def _paused_by(live: Mapping[str, Any]) -> str:
    spec = live.get("spec")
    for name in ("suspend", "suspended", "paused"):
        if isinstance(spec, Mapping) and spec.get(name) is True:
            return f"suspended (spec.{name})"
    for name, value in mapping(live, "metadata", "annotations").items():
        if name.rpartition("/")[2] in _PAUSE_ANNOTATIONS and value in ("", "true"):
            return f"suspended (annotation {name})"
    return ""


def _groups(
    live: Mapping[str, Any], generation: int
) -> Iterator[tuple[str, dict[str, _Condition]]]:
    """The object's own conditions, then those that others wrote about it.

    A parent that no longer looks after a route leaves its old words behind; they count only where
    nobody has said anything newer (as in ArgoCD's checks for routes).
    """
    yield "", _conditions(mappings(live, "status", "conditions"), generation)
    status = mapping(live, "status")
    for name, reference in _NESTED:
        entries = status.get(name)
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            continue
        groups = [
            (_owner(name, reference, each), _conditions(mappings(each, "conditions"), generation))
            for each in entries
            if isinstance(each, Mapping)
        ]
        newest = [group for group in groups if not any(c.is_stale for c in group[1].values())]
        yield from newest or groups


def _owner(name: str, reference: str, entry: Mapping[str, Any]) -> str:
    named = at(entry, reference, "name") if reference else entry.get("name")
    return f"{name.removesuffix('s')} {named}: " if isinstance(named, str) else ""


def _conditions(entries: Iterable[Mapping[str, Any]], generation: int) -> dict[str, _Condition]:
    """The conditions by type; a remark without a status, as in an ArgoCD Application, is none."""
    found = {}
    for entry in entries:
        if entry.get("status") is not None:
            kind = text(entry, "type")
            try:
                found[kind] = _condition(kind, entry, generation)
            except SurpriseError as surprise:
                raise SurpriseError(f"condition {kind}: {surprise}") from None
    return found


def _condition(kind: str, entry: Mapping[str, Any], generation: int) -> _Condition:
    word, observed = entry["status"], _whole(entry.get("observedGeneration"))
    status = str(word).capitalize() if isinstance(word, str | bool) else ""
    if status not in ("True", "False", "Unknown"):
        raise SurpriseError("its status is neither True nor False nor Unknown")
    return _Condition(
        kind=kind,
        status=status,
        reason=text(entry, "reason"),
        message=text(entry, "message"),
        is_stale=bool(observed) and (observed or 0) < generation,
        is_minor=entry.get("severity") == "Info",  # Knative, Cluster API: no part of readiness
        since=moment(entry, "lastTransitionTime"),
    )


def _verdict(
    owner: str, found: Mapping[str, _Condition], status: Mapping[str, Any], now: datetime
) -> Health | None:
    """What one set of conditions says; ``None`` when none of them is known."""
    if not found and owner.startswith(("parent ", "ancestor ")):
        return progressing(f"{owner}nothing said yet")
    summaries = _summaries(found.values())
    for each in found.values():
        if each.stands and each.meaning is Meaning.PAUSE:
            return suspended(each.told(owner))
    if stale := next((each for each in summaries if each.is_stale), None):
        return progressing(f"{owner}{stale.kind} is not known for the newest spec yet")
    for each in found.values():
        if each.stands and each.meaning is Meaning.FAILURE:
            return degraded(each.told(owner))
    if verdict := _ongoing(owner, found, summaries, status):
        return verdict
    if not summaries:
        return _deadline(owner, found)
    return worst_health([_summary(owner, each, status, now) for each in summaries])


def _summaries(found: Collection[_Condition]) -> list[_Condition]:
    """Those that tell of the whole object; without one, those that tell of its parts."""
    weighty = [each for each in found if not each.is_minor]
    whole = [each for each in weighty if each.meaning in (Meaning.SUMMARY, Meaning.END)]
    return whole or [each for each in weighty if is_part(each.kind)]


def _ongoing(
    owner: str,
    found: Mapping[str, _Condition],
    summaries: Sequence[_Condition],
    status: Mapping[str, Any],
) -> Health | None:
    """Progressing while something is under way; a failure that is being retried is none of it."""
    is_ready = bool(summaries) and all(each.stands for each in summaries)
    for each in found.values():
        if not each.stands or each.reason == _ROLLED_OUT:
            continue
        if each.kind == "Progressing" and is_ready and phases.word(status) is HealthStatus.HEALTHY:
            continue  # Rook leaves it True after the phase has become Ready
        retries = each.reason.endswith("WithRetry")  # Flux
        if (each.meaning is Meaning.ONGOING and not retries) or (
            each.meaning is Meaning.FIRST_ONGOING and not is_ready
        ):
            unready = next((one for one in summaries if not one.stands and one.message), each)
            return progressing(unready.told(owner))
    return None


def _deadline(owner: str, found: Mapping[str, _Condition]) -> Health | None:
    progress = found.get("Progressing")
    if progress and progress.status == "False" and read(progress.reason) is HealthStatus.DEGRADED:
        return degraded(progress.told(owner))
    return None


def _summary(owner: str, condition: _Condition, status: Mapping[str, Any], now: datetime) -> Health:
    """True is Healthy and Unknown is Progressing; of False the reason tells which it is.

    Where neither its reason nor a phase tells, False is Progressing for a while after it became so:
    most controllers write it first and True some seconds later.
    """
    if condition.stands:
        return healthy(condition.message)
    told = condition.told(owner)
    if condition.status == "Unknown" or condition.meaning is Meaning.END:
        return progressing(told)
    said = read(condition.reason)
    if said is HealthStatus.SUSPENDED:
        return suspended(told)
    if said not in (HealthStatus.DEGRADED, HealthStatus.PROGRESSING):
        said = phases.word(status)
    if said is HealthStatus.DEGRADED:
        return degraded(told)
    is_new = condition.since is not None and abs(now - condition.since) < UNSETTLED
    return progressing(told) if said is HealthStatus.PROGRESSING or is_new else degraded(told)


def _unreported(live: Mapping[str, Any], *, group: str, kind: str, now: datetime) -> Health:
    is_built_in = group in scope.NAMESPACED_KINDS or group in scope.CLUSTER_KINDS
    if is_built_in or reporting.is_silent(group, kind):
        return healthy()
    if reporting.is_reported(group, kind):
        return progressing("its controller has not reported on it yet")
    created = moment(live, "metadata", "creationTimestamp")
    if created is not None and abs(now - created) < JUST_CREATED:
        return progressing("created just now, not reported on yet")
    return healthy()


def _whole(value: object) -> int | None:
    """A generation; Argo Rollouts writes it as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
