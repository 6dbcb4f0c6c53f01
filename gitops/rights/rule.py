"""What is one permission, and how do many become the few rules of a role?

Made by ``needed``; read by whoever builds roles of it (Kubernetes, "Using RBAC Authorization").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Right:
    """Verbs on one resource of one group; ``name`` is empty where it holds for every object."""

    group: str
    resource: str
    name: str = ""
    verbs: tuple[str, ...]


def rules(
    rights: Iterable[Right], handed_on: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The rules of a role, in an order that is always the same.

    Args:
        rights: what is permitted.
        handed_on: rules as they stand in other roles; taken over as they are.
    """
    verbs: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for right in rights:
        verbs[right.group, right.resource, right.name].update(right.verbs)
    unnamed = {
        (group, resource): found for (group, resource, name), found in verbs.items() if not name
    }
    resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]] = defaultdict(set)
    named: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for (group, resource, name), found in verbs.items():
        if not name:
            resources[group, tuple(sorted(found)), ()].add(resource)
        elif rest := found - unnamed.get((group, resource), set()):
            named[group, resource, tuple(sorted(rest))].add(name)
    for (group, resource, rest_verbs), names in named.items():
        resources[group, rest_verbs, tuple(sorted(names))].add(resource)
    made = [
        {
            "apiGroups": [group],
            "resources": sorted(found),
            **({"resourceNames": list(names)} if names else {}),
            "verbs": list(allowed),
        }
        for (group, allowed, names), found in sorted(resources.items())
    ]
    return made + [dict(each) for each in _distinct(handed_on)]


def _distinct(handed_on: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found = {repr(sorted(each.items())): each for each in handed_on}
    return [found[text] for text in sorted(found)]
