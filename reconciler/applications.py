"""Which Applications are there, and how many objects has each?

Counted from the cluster by LIST, never from a plan or from Pulumi's state; Git adds the category
and the Applications that have no object yet. Called by the command line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.connection import connect
from cluster.discovery import facts
from cluster.listing import Listing, list_objects
from gitops.application import ApplicationSpec
from gitops.manifest import annotations_of
from gitops.ownership import APPLICATION_LABEL, STACK, owner


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRow:
    """One Application as the cluster has it.

    ``category`` is empty for an Application that is not in Git.
    """

    name: str
    category: str = ""
    namespace: str = ""
    objects: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)


def list_live(context: str | None = None) -> Listing:
    """Every object with our label, metadata only.

    Raises:
        ClusterError: the cluster does not answer.
    """
    with connect(context) as connection:
        resources = facts(connection).resources
        return list_objects(
            connection, resources, label_selector=APPLICATION_LABEL, metadata_only=True
        )


def rows(
    live: Iterable[Mapping[str, Any]], specs: Iterable[ApplicationSpec], *, stack: str
) -> list[ApplicationRow]:
    """Applications in the order of category and name.

    Args:
        live: objects as ``list_live`` returns them; those that only carry a copied label, or
            belong to another stack on the same cluster, are not counted.
        specs: the Applications in Git.
        stack: the stack's name.
    """
    kinds: dict[str, Counter[str]] = {}
    namespaces: dict[str, Counter[str]] = {}
    for body in live:
        application = owner(body)
        if application is None or annotations_of(body).get(STACK, stack) != stack:
            continue
        kinds.setdefault(application, Counter())[str(body["kind"])] += 1
        namespace = body["metadata"].get("namespace")
        if namespace:
            namespaces.setdefault(application, Counter())[namespace] += 1
    in_git = {spec.name: spec for spec in specs}
    found = [
        _row(name, in_git.get(name), kinds.get(name, Counter()), namespaces.get(name, Counter()))
        for name in {*kinds, *in_git}
    ]
    return sorted(found, key=lambda row: (not row.category, row.category, row.name))


def _row(
    name: str, spec: ApplicationSpec | None, kinds: Counter[str], namespaces: Counter[str]
) -> ApplicationRow:
    most = namespaces.most_common(1)
    return ApplicationRow(
        name=name,
        category=spec.category if spec else "",
        namespace=spec.destination.namespace if spec else most[0][0] if most else "",
        objects=kinds.total(),
        kinds=dict(sorted(kinds.items())),
    )
