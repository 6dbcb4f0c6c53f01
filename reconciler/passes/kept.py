"""What need a pass of a loop not work out again?

Made by the reconciler and given to each of its passes. Nothing here decides: Git is fetched and the
cluster listed in every pass. Kept is what follows from values that are the same again, and each
entry holds the values it was made from, so that nobody else has to know when it is out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.known_items import KnownItems
from gitops.config import Settings
from gitops.lately import Lately
from gitops.objects.orphans import LiveObject
from gitops.status.resource import ResourceStatus
from gitops.target import ClusterView, Target

Live = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a target is composed from, beside charts and renders that were stored for good.

    Args:
        commit: the commit.
        root: its tree.
        settings: the stack's config.
        view: what the cluster serves.
        stack: the stack's name.
    """

    commit: str
    root: Path
    settings: Settings
    view: ClusterView
    stack: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownObject:
    """A live object and what follows from it alone.

    Args:
        live: the object, with the Application that owns it.
        application: the Application it counts for, None where it does not.
        status: its health, where no time and no other object will make that another.
    """

    live: LiveObject
    application: str | None = None
    status: ResourceStatus | None = None


@dataclass(slots=True)
class Kept:
    """What the passes of one loop have found.

    ``items`` are the live objects as they were listed.
    """

    items: KnownItems = field(default_factory=KnownItems)
    _targets: Lately[tuple[str, Path], tuple[Source, Target]] = field(default_factory=Lately)
    _objects: Lately[int, KnownObject] = field(default_factory=Lately)

    def begin(self) -> None:
        """Begin another pass."""
        self.items.begin()
        self._targets.begin()
        self._objects.begin()

    def target(self, source: Source) -> Target | None:
        """What was composed from the very same, None where nothing was."""
        kept = self._targets.get((source.commit, source.root))
        return kept[1] if kept is not None and kept[0] == source else None

    def keep_target(self, source: Source, target: Target) -> None:
        """Keep a target that would be composed again, but no other: one with an error may be
        another next time, and so may one that was rendered just now, from what has no fixed
        version perhaps. Where Git itself declares Applications it may name other repositories."""
        settled = not target.all_errors and all(each.from_cache for each in target.applications)
        if settled and source.settings.argocd is None:
            self._targets.put((source.commit, source.root), (source, target))

    def object(self, body: Live) -> KnownObject | None:
        """What follows from a live object that is the very same value as before."""
        known = self._objects.get(id(body))
        return known if known is not None and known.live.body is body else None

    def keep_objects(self, objects: Iterable[KnownObject]) -> None:
        """Keep what follows from live objects."""
        for each in objects:
            self._objects.put(id(each.live.body), each)
