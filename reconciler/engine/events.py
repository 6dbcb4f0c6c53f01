"""What did the engine report, and which Application is each report about?

``engine`` makes these values from the Automation API's events; printing reads them. Nothing here
knows Pulumi's classes, so everything can be tried with values made by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gitops.deployment.inventory import APPLICATION_TYPE
from gitops.impersonation import with_remedy

_RESOURCE_PREFIX = re.compile(r'^(error: )?resource "urn:[^"]*" (was )?')
# What the engine says on every run of a healthy installation.
_NOISE = re.compile(r"^(using pulumi-\S+ from \$PATH at .*|Resource scheduled.*)$")
# What it says of a failure whose cause it has told, or another message tells better.
_REPEATS = re.compile(r"^(update failed|an unhandled error occurred: program exited with .*)$")


class Outcome(StrEnum):
    """What became of one object, in the order it is printed in."""

    CREATED = "created"
    UPDATED = "updated"
    REPLACED = "replaced"
    DELETED = "deleted"
    FAILED = "failed"
    UNCHANGED = "unchanged"


# The engine's operations (sdk/go/common/apitype, OpType); those not named change no object.
_OUTCOMES: Mapping[str, Outcome] = {
    "create": Outcome.CREATED,
    "import": Outcome.CREATED,
    "update": Outcome.UPDATED,
    "replace": Outcome.REPLACED,
    "create-replacement": Outcome.REPLACED,
    "import-replacement": Outcome.REPLACED,
    "delete": Outcome.DELETED,
    "same": Outcome.UNCHANGED,
}


class Severity(StrEnum):
    """How bad a message is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of the engine on one resource has begun, ended or failed."""

    urn: str
    operation: str
    parent: str = ""
    custom: bool = True
    ended: bool = True
    failed: bool = False

    @property
    def type(self) -> str:
        """The type of the resource itself, without those of its parents."""
        return _part(self.urn, 2).rpartition("$")[2]

    @property
    def name(self) -> str:
        """The logical name."""
        return _part(self.urn, 3)

    @property
    def outcome(self) -> Outcome | None:
        """What became of the object; None where the operation changes none."""
        return Outcome.FAILED if self.failed else _OUTCOMES.get(self.operation)

    @property
    def is_object(self) -> bool:
        """Whether it is about an object, not a component or a provider."""
        return self.custom and not self.type.startswith(("pulumi:providers:", "pulumi:pulumi:"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A message of the engine, the provider or the program."""

    severity: Severity
    message: str
    urn: str = ""


Event = Step | Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How many objects each outcome has."""

    counts: Mapping[Outcome, int]

    def __getitem__(self, outcome: Outcome) -> int:
        return self.counts.get(outcome, 0)

    @property
    def changed(self) -> int:
        """How many objects the run created, updated, replaced or deleted."""
        still = (Outcome.UNCHANGED, Outcome.FAILED)
        return sum(count for outcome, count in self.counts.items() if outcome not in still)

    def __str__(self) -> str:
        named = [
            f"{self[outcome]} {outcome.value}"
            for outcome in Outcome
            if outcome is not Outcome.UNCHANGED and self[outcome]
        ]
        return ", ".join(named) or "nothing changed"


def changes_by_application(steps: Iterable[Step]) -> dict[str, Changes]:
    """Count what became of the objects of each Application.

    An object belongs to the Application among its parents; objects without one (the bootstrap's,
    namespaces made for several Applications) are counted under the empty name.
    """
    steps = list(steps)
    parents = {step.urn: step.parent for step in steps if step.parent}
    outcomes: dict[str, Outcome] = {}
    for step in steps:
        if step.is_object and (step.ended or step.failed) and step.outcome:
            outcomes[step.urn] = _stronger(outcomes.get(step.urn), step.outcome)
    counts: dict[str, dict[Outcome, int]] = {}
    for urn, outcome in outcomes.items():
        own = counts.setdefault(application_of(urn, parents), {})
        own[outcome] = own.get(outcome, 0) + 1
    return {application: Changes(counts=own) for application, own in counts.items()}


def total(changes: Iterable[Changes]) -> Changes:
    """The sum of several counts."""
    counts: dict[Outcome, int] = {}
    for each in changes:
        for outcome, count in each.counts.items():
            counts[outcome] = counts.get(outcome, 0) + count
    return Changes(counts=counts)


def application_of(urn: str, parents: Mapping[str, str]) -> str:
    """The name of the Application a resource is part of, empty when there is none."""
    while urn:
        if _part(urn, 2).rpartition("$")[2] == APPLICATION_TYPE:
            return _part(urn, 3)
        urn = parents.get(urn, "")
    return ""


def readable(
    diagnostics: Iterable[Diagnostic], parents: Mapping[str, str]
) -> tuple[Diagnostic, ...]:
    """Messages as a person wants them: each once, no noise, the subject first."""
    found: dict[Diagnostic, None] = {}
    repeats: dict[Diagnostic, None] = {}
    for each in diagnostics:
        message = each.message.strip()
        if not message or _NOISE.match(message):
            continue
        subject = _subject(each.urn, parents)
        text = with_remedy(_RESOURCE_PREFIX.sub("", message))
        told = replace(each, message=f"{subject}: {text}" if subject else text)
        (repeats if _REPEATS.match(message) else found)[told] = None
    explained = any(each.severity is Severity.ERROR for each in found)
    return tuple(found) if explained else (*found, *repeats)


def _subject(urn: str, parents: Mapping[str, str]) -> str:
    kind = _part(urn, 2).rpartition("$")[2]
    if not kind or kind.startswith("pulumi:"):
        return ""
    application = application_of(urn, parents)
    if kind == APPLICATION_TYPE:
        return application
    own = f"{kind.rpartition(':')[2]} {_part(urn, 3)}"
    return f"{application}: {own}" if application else own


def _stronger(known: Outcome | None, found: Outcome) -> Outcome:
    """A failure stays one, a replacement is no deletion; else the last thing reported counts."""
    if known is Outcome.FAILED or (known is Outcome.REPLACED and found is not Outcome.FAILED):
        return known
    return found


def _part(urn: str, index: int) -> str:
    """A part of ``urn:pulumi:<stack>::<project>::<types>::<name>``."""
    parts = urn.split("::", 3)
    return parts[index] if len(parts) == 4 else ""
