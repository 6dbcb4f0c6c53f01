"""What should Applications be that are rolled back?

Called by the pass between composing what Git has and looking at the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from gitops.application_target import ApplicationTarget
from gitops.errors import HomeOpsError
from gitops.records.record import ApplicationRecord, Pinned
from gitops.rollback import as_it_was, refuse_others_objects
from gitops.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollbacks:
    """The rollbacks of one pass.

    Args:
        records: what earlier passes remember.
        composed: what an older commit says.
        warn: told why one cannot be had any more.
        asked: the Applications a person wants rolled back in this pass.
    """

    records: Mapping[str, ApplicationRecord]
    composed: Callable[[str], Target]
    warn: Callable[[str], None]
    asked: Collection[str] = ()
    _older: dict[str, Sequence[ApplicationTarget]] = field(default_factory=dict)

    def applied(self, git: Target, *, beside: Iterable[ApplicationTarget] = ()) -> Target:
        """The target with Applications that are rolled back as they were then.

        Where that cannot be had any more an Application stays what Git has, and a warning says why:
        automation leaves it alone all the same.

        Args:
            git: what Git has.
            beside: Applications of other shards.

        Raises:
            RollbackError: one of those that are asked for cannot be.
            RepositoryError: its commit is not there any more.
        """
        older = dict(self._as_they_were(git.applications))
        everything = (*git.applications, *beside)
        for name, then in tuple(older.items()):
            with self._unless_asked(name):
                del older[name]
                refuse_others_objects(then, [older.get(e.spec.name, e) for e in everything])
                older[name] = then
        applications = tuple(older.get(each.spec.name, each) for each in git.applications)
        return replace(git, applications=applications)

    def _as_they_were(
        self, applications: Iterable[ApplicationTarget]
    ) -> Iterator[tuple[str, ApplicationTarget]]:
        for application in applications:
            name = application.spec.name
            pinned = self._pinned(application)
            if pinned is None:
                continue
            with self._unless_asked(name):
                revision = pinned.revision
                if revision not in self._older:
                    self._older[revision] = self.composed(revision).applications
                yield name, as_it_was(application, self._older[revision], revision=revision)
                if application.error is not None:
                    self.warn(f"it is rolled back, and broken in Git: {application.error}")

    def _pinned(self, application: ApplicationTarget) -> Pinned | None:
        record = self.records.get(application.spec.name)
        pinned = record.pinned if record else None
        if pinned is None or pinned.digest != application.digest:
            return None  # another content in Git has ended the rollback
        return pinned

    @contextmanager
    def _unless_asked(self, name: str) -> Iterator[None]:
        try:
            yield
        except HomeOpsError as error:
            if name in self.asked:
                raise
            self.warn(str(error))
