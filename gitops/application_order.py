"""Which Applications does an Application wait for?

Called by composition once every Application is placed; the components wait. Declared are
``dependsOn`` (the ApplicationSet's template, or ``.home-ops.yaml``) and the sync wave of an
Application, which ArgoCD knows where one Application holds others ("Sync Phases and Waves").
Inferred is what the API server would need: objects an admission webhook is asked about come after
the Application that answers it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gitops.application_target import ApplicationTarget
from gitops.configuration.suggestions import did_you_mean
from gitops.errors import ConfigError, HomeOpsError, ManifestError, OrderError
from gitops.syncing.annotations import application_options
from gitops.syncing.webhooks import backends

Edges = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationOrder:
    """By an Application's name, those it waits for; all are names, sorted.

    ``declared`` must be synced and healthy first. ``inferred`` only come first: where one of them
    fails, those that wait for it go on. ``errors`` are what is wrong with an Application's own
    declarations.
    """

    declared: Edges = field(default_factory=dict)
    inferred: Edges = field(default_factory=dict)
    errors: Mapping[str, HomeOpsError] = field(default_factory=dict)

    def awaited(self, name: str) -> tuple[str, ...]:
        """Everything one Application waits for."""
        return (*self.declared.get(name, ()), *self.inferred.get(name, ()))

    @property
    def wanted(self) -> frozenset[str]:
        """The Applications that must be healthy before others may begin."""
        edges = (*self.declared.values(), *self.inferred.values())
        return frozenset(name for names in edges for name in names)

    def blocked(self, broken: Collection[str]) -> dict[str, str]:
        """The Applications that cannot begin because one they depend on, directly or through
        others, is broken; each with the first one it directly waits for in vain."""
        found: dict[str, str] = {}
        growing = True
        while growing:
            stopped = {*broken, *found}
            more = {
                name: next(each for each in needed if each in stopped)
                for name, needed in self.declared.items()
                if name not in stopped and not stopped.isdisjoint(needed)
            }
            growing = bool(more)
            found |= more
        return found


def application_order(targets: Sequence[ApplicationTarget]) -> ApplicationOrder:
    """Read and infer the order of all Applications; broken ones count with what they declare.

    An unknown name in ``dependsOn`` and a cycle are errors of the Applications concerned, and their
    edges are left out. An inferred edge that would close a cycle is left out in silence.
    """
    depends_on, errors = _depends_on(targets)
    declared = {
        name: (*names, *_earlier(name, waves))
        for waves in [_waves(targets)]
        for name, names in depends_on.items()
    }
    subjects = {each.spec.name: each.subject for each in targets}
    for cycle in _cycles(declared):
        text = " → ".join(subjects[name] for name in (*cycle, cycle[0]))
        for name in cycle:
            errors[name] = ConfigError(
                subjects[name],
                f"waits for itself: {text}",
                remedy="take one of them out of dependsOn, or change a sync wave",
            )
            declared[name] = ()
    declared = {name: tuple(sorted(set(names))) for name, names in declared.items() if names}
    return ApplicationOrder(declared=declared, inferred=_inferred(targets, declared), errors=errors)


def in_order(targets: Sequence[ApplicationTarget]) -> list[ApplicationTarget]:
    """The Applications, those broken that declare an impossible order or that depend on a broken
    one: what they need may never come, so they stay as they are."""
    order = application_order(targets)
    found = {
        each.spec.name: each.broken(order.errors[each.spec.name])
        if each.error is None and each.spec.name in order.errors
        else each
        for each in targets
    }
    stopped = order.blocked({name for name, each in found.items() if each.error is not None})
    for name, needed in stopped.items():
        found[name] = found[name].broken(waits_in_vain(found[name], found[needed].subject))
    return list(found.values())


def waits_in_vain(target: ApplicationTarget, needed: str) -> HomeOpsError:
    """What is wrong with an Application that depends on one that is not synced."""
    return OrderError(
        target.subject,
        f"left as it is: it waits for {needed}, which is not synced",
        remedy=f"repair {needed}",
    )


def _depends_on(
    targets: Sequence[ApplicationTarget],
) -> tuple[dict[str, tuple[str, ...]], dict[str, HomeOpsError]]:
    known = {each.subject: each.spec.name for each in targets}
    known |= {each.spec.name: each.spec.name for each in targets}
    errors: dict[str, HomeOpsError] = {}
    found: dict[str, tuple[str, ...]] = {}
    for target in targets:
        wanted = target.spec.depends_on
        found[target.spec.name] = tuple(known[each] for each in wanted if each in known)
        for unknown in (each for each in wanted if each not in known):
            errors[target.spec.name] = ConfigError(
                target.subject,
                f"dependsOn holds {unknown!r}, and there is no such Application",
                remedy=f"use its category/app or its name{did_you_mean(unknown, known)}",
            )
    return found, errors


def _waves(targets: Iterable[ApplicationTarget]) -> dict[str, int]:
    found: dict[str, int] = {}
    for target in targets:
        try:
            options = application_options(target.spec.annotations, subject=target.subject)
        except ManifestError:
            continue  # the Application is broken by it already
        found[target.spec.name] = options.wave
    return found


def _earlier(name: str, waves: Mapping[str, int]) -> list[str]:
    """The Applications of the nearest wave before that of an Application."""
    if name not in waves:
        return []
    before = max((wave for wave in set(waves.values()) if wave < waves[name]), default=None)
    return [each for each, wave in waves.items() if wave == before]


def _inferred(targets: Sequence[ApplicationTarget], declared: Edges) -> dict[str, tuple[str, ...]]:
    edges = {name: list(names) for name, names in declared.items()}
    found: dict[str, list[str]] = {}
    for name, backend in sorted(backends(targets)):
        if backend in edges.get(name, ()) or _reaches(edges, backend, name):
            continue
        edges.setdefault(name, []).append(backend)
        found.setdefault(name, []).append(backend)
    return {name: tuple(names) for name, names in found.items()}


def _reaches(edges: Mapping[str, Iterable[str]], start: str, end: str) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        current = waiting.pop()
        if current == end:
            return True
        further = [each for each in edges.get(current, ()) if each not in seen]
        seen.update(further)
        waiting += further
    return False


def _cycles(edges: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """One shortest cycle for each group of Applications that wait for each other."""
    found: list[tuple[str, ...]] = []
    in_one: set[str] = set()
    for name in sorted(edges):
        cycle = None if name in in_one else _cycle_through(name, edges)
        if cycle:
            found.append(cycle)
            in_one.update(cycle)
    return found


def _cycle_through(start: str, edges: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    paths: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for path in paths:  # grows while it is read: nearest first
        for each in sorted(edges.get(path[-1], ())):
            if each == start:
                return path
            if each not in seen:
                seen.add(each)
                paths.append((*path, each))
    return None
