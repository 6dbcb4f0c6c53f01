"""To what may an Application be rolled back, and what does it render to then?

Called by the pass with Git's own target and with that of the older commit: whether an older content
can stand beside what all other Applications have now is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitops.application_target import ApplicationTarget
from gitops.errors import HomeOpsError
from gitops.records.record import ApplicationRecord, HistoryEntry

SHORTEST_COMMIT = 4
REMEDY = "roll back to another revision, or revert the commit in Git"


class RollbackError(HomeOpsError):
    """An Application cannot be what it was at an older commit."""


def as_it_was(
    application: ApplicationTarget, then: Iterable[ApplicationTarget], *, revision: str
) -> ApplicationTarget:
    """An Application as an older commit has it.

    Args:
        application: what Git has of it now.
        then: all Applications of the older commit.
        revision: that commit.

    Raises:
        RollbackError: it was not there then, or under another name, or is broken at that commit.
    """
    name, commit = application.spec.name, revision[:10]
    found = next((each for each in then if each.spec.name == name), None)
    if found is None:
        raise RollbackError(
            application.subject,
            f"{commit} has no Application {name}: its directory was another or not there yet",
            remedy=REMEDY,
        )
    if found.error is not None:
        raise RollbackError(
            application.subject, f"{commit} cannot be applied: {found.error}", remedy=REMEDY
        ) from found.error
    return found


def refuse_others_objects(
    application: ApplicationTarget, beside: Iterable[ApplicationTarget]
) -> None:
    """Refuse an older content with an object that another Application has by now.

    Args:
        application: what is rolled back, as it was.
        beside: all Applications as they are to be, itself among them.

    Raises:
        RollbackError: an object would have two owners.
    """
    own = {each.key for each in application.manifests}
    for other in beside:
        if other.spec.name == application.spec.name:
            continue
        for manifest in other.manifests:
            if manifest.key in own:
                raise RollbackError(
                    application.subject,
                    f"{manifest.key}, which it had then, belongs to {other.subject} now",
                    remedy=REMEDY,
                )


def entry_to(record: ApplicationRecord, which: str, *, subject: str) -> HistoryEntry:
    """The sync in an Application's history that somebody wants back.

    Args:
        record: what is remembered of it.
        which: the number of a sync or the beginning of its commit; the one before the last when
            empty (``argocd app rollback``).
        subject: what errors call the Application.

    Raises:
        RollbackError: there is none.
    """
    entries = record.history
    if not which:
        if len(entries) > 1:
            return entries[-2]
        known = "one sync" if entries else "no sync"
        raise RollbackError(
            subject,
            f"{known} is remembered, so there is nothing to go back to",
            remedy="revert the commit in Git",
        )
    found = [each for each in entries if str(each.id) == which]
    if not found and len(which) >= SHORTEST_COMMIT:
        found = [each for each in entries if each.revision.startswith(which)]
    if found:
        return found[-1]
    numbers = ", ".join(str(each.id) for each in entries) or "none"
    raise RollbackError(
        subject,
        f"its history has no sync {which!r}",
        remedy=f"`gitops app history` shows what it has: {numbers}",
    )
