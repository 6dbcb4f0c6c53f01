"""Which Applications are what Git says, once everything that only seems to differ is looked at?

Called by the pass. ``gitops.comparison`` compares in process; what differs there is asked of the
API server (``cluster.dry_run``), and its answer remembered until the object or Git changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cluster.connection import Connection
from cluster.discovery import ClusterFacts
from cluster.dry_run import Suspect, innocent
from gitops.application_target import ApplicationTarget
from gitops.comparison import (
    Comparison,
    ObjectDrift,
    Why,
    compare_object,
    extraneous,
    object_digest,
    shared_rules,
    version_of,
)
from gitops.errors import HomeOpsError
from gitops.ignoring.jq_paths import Jq
from gitops.ignoring.partial import FIELD_MANAGER, partial
from gitops.ignoring.rules import IgnoreRule, matching
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.records.record import ApplicationRecord
from gitops.status.reading import is_definition
from gitops.target import Target
from reconciler.passes.equal import FoundEqual
from reconciler.passes.reading import LiveState, read_each, resource_of

MOST_MISSING = 50
"""More objects than this are missing because they were never there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Every Application against the cluster; ``equal`` is what each should remember."""

    comparisons: Mapping[str, Comparison]
    equal: Mapping[str, Mapping[str, str]]
    asked: int = 0


@dataclass(slots=True, kw_only=True)
class Comparing:
    """One comparison of a target with the cluster.

    Args:
        connection: the API server.
        facts: what it serves.
        target: what Git says.
        live: what was listed.
        records: what earlier passes remember.
        system: the ignore rules of the config.
        stack: whose objects count.
        only: these Applications, where not all of them were listed.
        before: what earlier passes have found to be equal.
    """

    connection: Connection
    facts: ClusterFacts
    target: Target
    live: LiveState
    records: Mapping[str, ApplicationRecord]
    system: Sequence[IgnoreRule]
    stack: str
    only: frozenset[str] | None = None
    before: FoundEqual
    _shared: tuple[IgnoreRule, ...] = ()
    _whole: dict[ResourceKey, Mapping[str, Any]] = field(default_factory=dict)
    _equal: dict[str, dict[str, str]] = field(default_factory=dict)
    _digests: dict[ResourceKey, str] = field(default_factory=dict)
    _tokens: Mapping[str, str] = field(default_factory=dict)
    _same: Collection[str] = ()

    def compare(self) -> Compared:
        """Compare everything.

        Raises:
            ClusterError: the server does not answer or refuses.
        """
        self._shared = shared_rules(self.target, self.system, self.live.owned)
        beside = extraneous(self.target, self.live.owned, stack=self.stack)
        self._tokens = dict(self._tokens_of())
        self._same = {name for name, each in self._tokens.items() if self.before.knows(name, each)}
        wanted = list(self._to_read())
        self._whole = dict(read_each(self.connection, self.facts, wanted))
        found: dict[str, Comparison] = {}
        for application in self._meant():
            name = application.spec.name
            comparison = self._application(application)
            drifts = (*comparison.drifts, *beside.pop(name, ()))
            found[name] = replace(comparison, drifts=tuple(sorted(drifts, key=lambda d: d.key)))
        for name, drifts_of in beside.items():  # departed
            found[name] = Comparison(application=name, drifts=tuple(drifts_of))
        asked = self._ask(found)
        for name, token in self._tokens.items():
            if found[name].only_beside:
                self.before.remember(name, token)
        self.before.save(each.spec.name for each in self.target.applications)
        return Compared(comparisons=found, equal=self._equal, asked=asked)

    def _tokens_of(self) -> Iterator[tuple[str, str]]:
        # there may be hundreds of rules, and as many Applications
        shared = hashlib.sha256(repr(self._shared).encode()).hexdigest()
        for each in self._meant():
            if each.error is None:
                rules = f"{each.spec.ignore_differences!r} {shared} {_user(each)}"
                yield each.spec.name, self.before.token(each, rules, self.live.objects)

    def _meant(self) -> list[ApplicationTarget]:
        return [
            each
            for each in self.target.applications
            if self.only is None or each.spec.name in self.only
        ]

    def _to_read(self) -> Iterator[Manifest]:
        """Objects that the LISTs have not shown, or not in the form to compare."""
        missing: list[Manifest] = []
        for application in self._meant():
            if application.spec.name in self._same:
                continue
            record = self.records.get(application.spec.name)
            for manifest in application.manifests:
                live = self.live.objects.get(manifest.key)
                if live is None:
                    if record is not None and record.digest:
                        missing.append(manifest)  # somebody may have taken the label away
                elif is_definition(manifest.key.group, manifest.key.kind):
                    if not self._is_known(application, manifest, live):
                        yield manifest
                elif live["apiVersion"] != manifest.api_version:
                    yield manifest
        if len(missing) <= MOST_MISSING:
            yield from missing

    def _application(self, application: ApplicationTarget) -> Comparison:
        name, rules = application.spec.name, self._rules(application)
        if application.error is not None:
            return Comparison(application=name, error=application.error)
        if name in self._same:
            return self._as_before(application)
        drifts: list[ObjectDrift] = []
        unknown: list[ResourceKey] = []
        try:
            for manifest in application.manifests:
                key = manifest.key
                if (key.group, key.kind) in self.live.unlisted:
                    unknown.append(key)
                    continue
                listed = self.live.objects.get(key)
                if listed is not None and self._is_known(application, manifest, listed):
                    self._remember(application, manifest, listed)
                    continue
                drift = compare_object(manifest, self._whole.get(key, listed), rules)
                if drift is not None:
                    drifts.append(drift)
                elif listed is not None and is_definition(key.group, key.kind):
                    self._remember(application, manifest, listed)
        except HomeOpsError as error:
            return Comparison(application=name, error=error)
        return Comparison(application=name, drifts=tuple(drifts), unknown=tuple(unknown))

    def _as_before(self, application: ApplicationTarget) -> Comparison:
        """Nothing is different, and what is remembered of single objects still holds."""
        name = application.spec.name
        record = self.records.get(name)
        names = {str(each.key) for each in application.manifests}
        equal = record.equal if record else {}
        if kept := {key: token for key, token in equal.items() if key in names}:
            self._equal[name] = kept
        return Comparison(application=name)

    def _ask(self, found: dict[str, Comparison]) -> int:
        """Take out what the API server says a sync would leave as it is."""
        by_name = {each.spec.name: each for each in self.target.applications}
        suspects = {
            name: list(self._suspects(by_name[name], comparison))
            for name, comparison in found.items()
            if name in by_name
        }
        every = [each for several in suspects.values() for each in several]
        fine = innocent(self.connection, every, manager=FIELD_MANAGER)
        for name, several in suspects.items():
            keys = {each.key for each in several} & fine
            manifests = {each.key: each for each in by_name[name].manifests}
            for key in keys:
                live = self._whole.get(key) or self.live.objects[key]
                self._remember(by_name[name], manifests[key], live)
            found[name] = found[name].without(keys)
        return len(every)

    def _suspects(
        self, application: ApplicationTarget, comparison: Comparison
    ) -> Iterator[Suspect]:
        manifests = {each.key: each for each in application.manifests}
        rules = self._rules(application)
        for drift in comparison.drifts:
            if drift.why is not Why.DIFFERENT:
                continue
            manifest = manifests[drift.key]
            resource = resource_of(self.facts, manifest)
            live = self._whole.get(drift.key) or self.live.objects.get(drift.key)
            if resource is not None and live is not None:
                body = applied(manifest, live, matching(rules, drift.key))
                user = _user(application)
                yield Suspect(key=drift.key, resource=resource, body=body, live=live, user=user)

    def _is_known(
        self, application: ApplicationTarget, manifest: Manifest, live: Mapping[str, Any]
    ) -> bool:
        record = self.records.get(application.spec.name)
        remembered = record.equal.get(str(manifest.key)) if record else None
        return remembered is not None and remembered == self._token(application, manifest, live)

    def _remember(
        self, application: ApplicationTarget, manifest: Manifest, live: Mapping[str, Any]
    ) -> None:
        token = self._token(application, manifest, live)
        self._equal.setdefault(application.spec.name, {})[str(manifest.key)] = token

    def _token(
        self, application: ApplicationTarget, manifest: Manifest, live: Mapping[str, Any]
    ) -> str:
        """What an answer holds for: this target under these rules, and this version of the live
        object."""
        digest = self._digests.get(manifest.key)
        if digest is None:  # a definition may have a megabyte
            about = [repr(each) for each in matching(self._rules(application), manifest.key)]
            digest = object_digest({"target": manifest.identity, "rules": about})
            self._digests[manifest.key] = digest
        return f"{digest}/{version_of(live)}"

    def _rules(self, application: ApplicationTarget) -> tuple[IgnoreRule, ...]:
        return (*application.spec.ignore_differences, *self._shared)


def _user(application: ApplicationTarget) -> str:
    """As whom the API server is asked; empty for whoever connects."""
    return application.account.user if application.account else ""


def applied(
    manifest: Manifest, live: Mapping[str, Any], rules: Sequence[IgnoreRule]
) -> Mapping[str, Any]:
    """What a sync would apply of an object: without the fields that are somebody else's."""
    if not rules:
        return manifest.body
    with Jq() as jq:
        part = partial(manifest.body, rules, last=None, live=live, jq=jq)
    return part.body if part else manifest.body
