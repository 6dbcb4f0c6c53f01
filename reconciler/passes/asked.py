"""What does a person want of a pass, besides what policy says?

Made by ``gitops app sync`` and ``gitops app rollback``, asked by the pass. A pass that is asked for
something syncs that and nothing else; it compares and remembers everything as always. What a person
asks for is held up by no pause and no failure, but by a sync window that does not let people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gitops.application import ApplicationSpec, Automated
from gitops.application_target import ApplicationTarget
from gitops.configuration.suggestions import did_you_mean
from gitops.errors import ConfigError
from gitops.policy.decision import Action, Decision
from gitops.records.record import ApplicationRecord, Pinned
from gitops.rollback import RollbackError, entry_to
from gitops.target import Target

if TYPE_CHECKING:
    from reconciler.applications import Selection
    from reconciler.passes.deciding import Known
    from reconciler.passes.records import Synced

NOT_ASKED_FOR = "only what was asked for is synced in this pass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants; nothing by default.

    Args:
        names: these Applications, by name or directory.
        selection: only those of them, or of all, that it accepts.
        prune: delete what is no longer in Git though their policy does not say so.
        back_to: roll them back: to the sync of this number or commit, to the one before the last
            when empty; None for no rollback.
        only_drift: what is rolled back is compared with what it is rolled back to; else a sync is
            meant, which ends that.
    """

    names: tuple[str, ...] = ()
    selection: Selection | None = None
    prune: bool = False
    back_to: str | None = None
    only_drift: bool = False

    def __bool__(self) -> bool:
        return bool(self.names) or self.selection is not None

    def settle(self, git: Target, records: Mapping[str, ApplicationRecord], commit: str) -> Request:
        """What that means for the Applications there are.

        Args:
            git: what Git has.
            records: what earlier passes remember.
            commit: what is checked out.

        Raises:
            ConfigError: there is no such Application, or none that the filters accept.
            RollbackError: its history has no such sync.
        """
        if not self:
            return Request(records=records)
        specs = {each.spec.name: each for each in git.applications}
        names = self._names({name: each.spec for name, each in specs.items()}, records)
        changed = {
            name: record
            for name in names
            if (record := self._record(name, specs.get(name), records.get(name), commit))
        }
        return Request(
            names=names,
            records={**records, **changed},
            before=records,
            prune=self.prune,
            back=self.back_to is not None,
        )

    def _names(
        self, specs: Mapping[str, ApplicationSpec], records: Mapping[str, ApplicationRecord]
    ) -> frozenset[str]:
        subjects = {spec.subject: name for name, spec in specs.items()}
        names = [subjects.get(given, given) for given in self.names] or list(specs)
        for given, name in zip(self.names, names, strict=False):
            if name not in specs and name not in records:
                allowed = (*specs, *subjects, *records)
                raise ConfigError(
                    f"Application {given}",
                    "is not in Git, as far as it is committed and pushed",
                    remedy=f"`gitops app list` shows what there is{did_you_mean(given, allowed)}",
                )
        chosen = self.selection
        found = (n for n in names if chosen is None or chosen.accepts_spec(specs.get(n)))
        if accepted := frozenset(found):
            return accepted
        raise ConfigError(
            "the filters",
            "accept no Application",
            remedy="`gitops app list` takes the same ones and shows what there is",
        )

    def _record(
        self,
        name: str,
        application: ApplicationTarget | None,
        record: ApplicationRecord | None,
        commit: str,
    ) -> ApplicationRecord | None:
        """What is remembered from now on, as far as it changes by what is asked."""
        if self.only_drift:
            return None
        if self.back_to is None:
            return replace(record, pinned=None) if record and record.pinned else None
        if application is None or record is None:
            reason = "is no longer in Git" if application is None else "was never synced by a pass"
            remedy = "revert the commit in Git that removed it" if application is None else "sync"
            raise RollbackError(name, reason, remedy=remedy)
        entry = entry_to(record, self.back_to, subject=application.subject)
        if entry.digest == application.digest:
            return replace(record, pinned=None)  # it is what Git says
        pinned = Pinned(revision=entry.revision, instead_of=commit, digest=application.digest)
        return replace(record, pinned=pinned)


NOTHING = Asked()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a pass is asked for, once the Applications are known.

    Args:
        names: the Applications to sync, and no others; what policy says when empty.
        records: what is remembered, with the rollbacks that begin or end.
        before: the same without them.
        prune: delete what is no longer in Git.
        back: it is a rollback.
    """

    names: frozenset[str] = frozenset()
    records: Mapping[str, ApplicationRecord]
    before: Mapping[str, ApplicationRecord] = field(default_factory=dict)
    prune: bool = False
    back: bool = False

    def __bool__(self) -> bool:
        return bool(self.names)

    @property
    def rollbacks(self) -> frozenset[str]:
        """The Applications to roll back."""
        return self.names if self.back else frozenset()

    def permitting(self, target: Target) -> Target:
        """The target with what is asked in the policies of its Applications."""
        if not self.prune:
            return target
        return replace(
            target,
            applications=tuple(
                _pruning(each) if each.spec.name in self.names else each
                for each in target.applications
            ),
        )

    def narrowed(
        self, decisions: Mapping[str, Decision], known: Mapping[str, Known]
    ) -> dict[str, Decision]:
        """The decisions, without the syncs that nobody has asked for.

        Raises:
            HomeOpsError: a rollback cannot be done now.
        """
        if not self:
            return dict(decisions)
        found = dict(decisions)
        for name, decision in decisions.items():
            if name not in self.names:
                if decision.action is Action.SYNC:
                    found[name] = replace(decision, action=Action.WAIT, reason=NOT_ASKED_FOR)
            elif self.back:
                found[name] = _going_back(known[name], decision)
        return found

    def came_of_it(
        self, known: Mapping[str, Known], synced: Mapping[str, Synced], *, ran: bool
    ) -> dict[str, Known]:
        """What is known after the pass: a rollback that did not come about has not begun or ended.

        Args:
            known: what is known of all Applications.
            synced: what became of those that were to be synced.
            ran: whether the engine was started.
        """
        return {
            name: replace(each, record=self.before.get(name))
            if name in self.names and not _has_begun(synced.get(name), ran=ran)
            else each
            for name, each in known.items()
        }


def _pruning(application: ApplicationTarget) -> ApplicationTarget:
    spec = application.spec
    automated = replace(spec.sync_policy.automated or Automated(), prune=True)
    policy = replace(spec.sync_policy, automated=automated)
    return replace(application, spec=replace(spec, sync_policy=policy))


def _going_back(known: Known, decision: Decision) -> Decision:
    if known.comparison.error is not None:
        raise known.comparison.error
    if decision.action is not Action.SYNC:
        raise RollbackError(
            known.subject, f"it may not be synced now: {decision.reason}", remedy="wait"
        )
    pinned = known.record.pinned if known.record else None
    to = f"to {pinned.revision[:10]}" if pinned else "to what Git says"
    return replace(decision, reason=f"rolled back {to}")


def _has_begun(synced: Synced | None, *, ran: bool) -> bool:
    return synced is not None and (ran or not synced.failure)
