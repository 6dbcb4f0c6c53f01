"""What did one look at the cluster show, and what a second look at a few Applications?

Made by ``looking``; the pass decides by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gitops.comparison import Comparison
from gitops.objects.orphans import LiveObject
from gitops.status.resource import ResourceStatus
from gitops.target import Target
from reconciler.passes.reading import Kind

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The cluster, looked at once: every Application compared and judged."""

    comparisons: Mapping[str, Comparison]
    equal: Mapping[str, Mapping[str, str]]
    statuses: Mapping[str, tuple[ResourceStatus, ...]]
    owned: Sequence[LiveObject] = ()

    def of(self, name: str) -> Comparison:
        """The comparison of one Application; one that is gone differs in nothing."""
        return self.comparisons.get(name) or Comparison(application=name)


def seen_again(before: Seen, now: Seen, names: Collection[str]) -> Seen:
    """What is known once some Applications have been looked at again.

    Args:
        before: all Applications.
        now: some of them, later.
        names: which.
    """
    return Seen(
        comparisons=_merged(before.comparisons, now.comparisons, names),
        equal=_merged(before.equal, now.equal, names),
        statuses=_merged(before.statuses, now.statuses, names),
        owned=[*(each for each in before.owned if each.application not in names), *now.owned],
    )


def kinds_of(target: Target, before: Seen, names: Collection[str]) -> frozenset[Kind]:
    """The kinds of all that some Applications may have after a sync: of what Git has of them, and
    of what the cluster had before.

    Args:
        target: what Git says.
        before: what was seen before the sync.
        names: the Applications.
    """
    applications = [each for each in target.applications if each.spec.name in names]
    keys = (
        *(each.key for application in applications for each in application.manifests),
        *(each.manifest.key for application in applications for each in application.hooks),
        *(each.key for each in before.owned if each.application in names),
    )
    return frozenset((key.group, key.kind) for key in keys)


def _merged(
    before: Mapping[str, Value], now: Mapping[str, Value], names: Collection[str]
) -> dict[str, Value]:
    return {**{name: each for name, each in before.items() if name not in names}, **now}
