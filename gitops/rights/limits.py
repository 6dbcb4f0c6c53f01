"""Where does a reconciler look that may not look everywhere?

Called by whoever lists the cluster. With derived rights the kinds of Applications may be listed
across the cluster, Secrets in the namespaces of Applications alone, and other kinds not at all:
they hold nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitops.config import Settings
from gitops.objects.bootstrap_objects import has_derived_rights
from gitops.target import Target

Kind = tuple[str, str]
_SECRET: Kind = ("", "Secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The kinds that Applications have, and the namespaces they are in."""

    kinds: frozenset[Kind]
    namespaces: tuple[str, ...]

    @property
    def looked_for(self) -> frozenset[Kind]:
        """The kinds to look for in namespaces; Secrets may be left of a former Application."""
        return self.kinds | {_SECRET}


def limits_of(settings: Settings, target: Target, *, others: Iterable[str] = ()) -> Limits | None:
    """How far to look; None where everything may be listed.

    Args:
        settings: the stack's config.
        target: what Git has.
        others: further namespaces: those of Applications that have left Git.
    """
    if not has_derived_rights(settings):
        return None
    keys = [
        key
        for each in target.applications
        for key in (*(m.key for m in each.manifests), *(h.manifest.key for h in each.hooks))
    ]
    destinations = (each.spec.destination.namespace for each in target.applications)
    found = {*others, *destinations, *(key.namespace for key in keys)} - {""}
    return Limits(
        kinds=frozenset((key.group, key.kind) for key in keys),
        namespaces=tuple(sorted(found)),
    )
