"""Which objects in the cluster become ours, and how are they taken over or given back?

Called by ``gitops adopt``. Composes the target as a pass does, reads each of its objects, and puts
the steps of ``gitops.adoption`` and ``cluster.adoption`` together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cluster import adoption as writing
from cluster.connection import Connection
from cluster.discovery import ApiResource, ClusterFacts, facts
from cluster.listing import Query, list_queries
from cluster.objects import get
from gitops.adoption import argo_applications, plan
from gitops.adoption.argo_applications import ArgoApplication
from gitops.adoption.backup import Backup, Saved
from gitops.adoption.candidates import Candidate, candidates, chosen
from gitops.adoption.plan import Adoption
from gitops.adoption.tracking import former_entries
from gitops.argocd.clusters import Clusters
from gitops.config import Settings
from gitops.errors import ClusterError, HomeOpsError, OwnershipError
from gitops.ignoring.jq_paths import Jq
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.stores import chart_store, render_cache
from gitops.target import ClusterView, Target, compose
from reconciler.passes.reading import read_each, resource_of

WORKERS = 8
T = TypeVar("T")
R = TypeVar("R")
_Begun = tuple[Adoption, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What an adoption would do.

    Args:
        adoptions: the objects that are there and not ours yet.
        ours: how many are ours already.
        missing: how many are not there.
        errors: Applications of which nothing is known.
        unknown: the names of ArgoCD Applications that objects say they are of and that are not in
            this cluster.
    """

    adoptions: tuple[Adoption, ...]
    ours: int = 0
    missing: int = 0
    errors: tuple[HomeOpsError, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[HomeOpsError, ...]:
        """Why objects cannot be adopted; what holds for several of them is said once."""
        return together(each.problem for each in self.adoptions if each.problem)


def together(problems: Iterable[HomeOpsError]) -> tuple[HomeOpsError, ...]:
    """Problems with one reason and one remedy as one: a tree has hundreds of objects, and all of an
    Application wait for the same."""
    found: dict[tuple[str, str], list[HomeOpsError]] = {}
    for each in problems:
        found.setdefault((each.reason, each.remedy), []).append(each)
    return tuple(
        first if not more else type(first)(_several(first, more), reason, remedy=remedy)
        for (reason, remedy), (first, *more) in found.items()
    )


def _several(first: HomeOpsError, more: Sequence[HomeOpsError]) -> str:
    return f"{first.subject} and {len(more)} more object{'s' if len(more) > 1 else ''}"


class Adopting:
    """Looks at a stack's objects and changes who owns them.

    Args:
        settings: the stack's config.
        root: the repository.
        stack: the stack's name.
        connection: its cluster.
        managers: further field managers that count as former ones.

    Raises:
        ClusterError: the cluster does not answer or refuses.
    """

    def __init__(
        self,
        settings: Settings,
        root: Path,
        *,
        stack: str,
        connection: Connection,
        managers: Collection[str] = (),
    ) -> None:
        self._settings = settings
        self._root = root
        self._stack = stack
        self._connection = connection
        self._managers = tuple(managers)
        self._facts: ClusterFacts = facts(connection)
        self._candidates: dict[ResourceKey, Candidate] = {}
        self._argocd: list[ArgoApplication] = []

    def survey(self, names: Sequence[str] = ()) -> Survey:
        """What would be adopted; nothing is written.

        Args:
            names: Applications by name or directory; all when empty.

        Raises:
            ConfigError: there is no such Application in Git, or an ignore rule cannot be evaluated.
            ClusterError: the cluster does not answer or refuses.
        """
        target = self._compose()
        applications = chosen(target, names)
        self._argocd = self._argo_applications()
        wanted = candidates(target, applications, self._settings.ignore_differences)
        self._candidates = {each.manifest.key: each for each in wanted}
        manifests = [each.manifest for each in self._candidates.values()]
        lives = read_each(self._connection, self._facts, manifests)
        with Jq() as jq:
            begun = [found for key in sorted(lives) if (found := self._begun(key, lives[key], jq))]
        adoptions = _parallel(self._asked, begun)
        errors = [each.error for each in applications if each.error]
        tracked = (name for each in adoptions for name in each.argocd)
        return Survey(
            adoptions=tuple(sorted(adoptions, key=lambda each: (each.application, each.key))),
            ours=len(lives) - len(adoptions),
            missing=len(manifests) - len(lives),
            errors=(*(() if names else target.errors), *errors),
            unknown=tuple(argo_applications.unknown(tracked, self._argocd)),
        )

    def take_over(self, adoptions: Sequence[Adoption]) -> list[HomeOpsError]:
        """Make objects ours; what went wrong. Every object is read again afterwards."""

        def one(adoption: Adoption) -> HomeOpsError | None:
            resource = self._resource(adoption.key)
            try:
                writing.take_over(self._connection, resource, adoption, self._again)
                after = get(self._connection, resource, adoption.key)
            except HomeOpsError as error:
                return error
            return _disproof(adoption, after)

        return [each for each in _parallel(one, adoptions) if each is not None]

    def _compose(self) -> Target:
        served = self._facts
        return compose(
            self._settings,
            root=self._root,
            cluster=ClusterView(
                versions=served.versions, served=served.served_kinds(), complete=True
            ),
            charts=chart_store(self._settings, self._root),
            cache=render_cache(),
            stack=self._stack,
        )

    def _argo_applications(self) -> list[ArgoApplication]:
        resource = self._facts.find(argo_applications.GROUP, argo_applications.KIND)
        if resource is None:
            return []
        listing = list_queries(self._connection, [Query(resource=resource, managed_fields=False)])
        for skipped in listing.skipped:
            raise ClusterError(
                "the Applications of an ArgoCD",
                f"cannot be listed ({skipped.reason})",
                remedy="what it syncs must be known: grant it",
            )
        argocd = self._settings.argocd
        clusters = argocd.clusters if argocd else Clusters(names=(self._settings.cluster,))
        return argo_applications.read(listing.objects, clusters)

    def _begun(self, key: ResourceKey, live: Mapping[str, Any], jq: Jq) -> _Begun | None:
        """One object that is there; None where it is ours already."""
        candidate = self._candidates[key]
        body, ignored = candidate.applied(live, jq)
        former = former_entries(live, self._managers)
        adoption = plan.begun(key, candidate.application, live, body, managers=self._managers)
        shared = not candidate.application  # a namespace that has no marks of ours
        if plan.is_adopted(live, body, former) or (
            shared and not adoption.managers and not adoption.stripped
        ):
            return None
        problem = plan.refusal(key, live, stack=self._stack) or argo_applications.syncing(
            key, adoption.argocd, self._argocd
        )
        return (adoption.refused(problem) if problem else adoption), ignored

    def _asked(self, begun: _Begun) -> Adoption:
        """The same with what the API server says about it."""
        adoption, ignored = begun
        resource = self._resource(adoption.key)
        try:
            result = writing.try_apply(self._connection, resource, adoption.key, adoption.body)
        except OwnershipError as error:
            return adoption.refused(adoption.problem or error)
        adoption = plan.applied(adoption, result)
        left = plan.candidates(adoption, ignored=ignored)
        if not left:
            return adoption
        without = writing.try_without(self._connection, resource, adoption.key, left)
        return adoption if without is None else plan.with_losses(adoption, left, without)

    def _again(self, key: ResourceKey) -> Adoption | None:
        found = read_each(self._connection, self._facts, [self._candidates[key].manifest])
        if key not in found:
            raise OwnershipError(
                str(key), "has been deleted in the meantime", remedy="run the adoption again"
            )
        with Jq() as jq:
            begun = self._begun(key, found[key], jq)
        return self._asked(begun) if begun else None

    def _resource(self, key: ResourceKey) -> ApiResource:
        found = resource_of(self._facts, self._candidates[key].manifest)
        assert found is not None  # it has been read
        return found


def give_back(connection: Connection, backup: Backup) -> list[HomeOpsError]:
    """Return all objects of a backup to their former managers; what went wrong.

    Raises:
        ClusterError: the cluster does not answer or refuses.
    """
    served = facts(connection)

    def one(saved: Saved) -> HomeOpsError | None:
        resource = resource_of(served, _manifest(saved))
        if resource is None:
            return OwnershipError(
                str(saved.key), "its kind is not served any more", remedy="it stays as it is"
            )
        try:
            writing.give_back(
                connection, resource, saved, lambda: get(connection, resource, saved.key)
            )
        except HomeOpsError as error:
            return error
        return None

    return [each for each in _parallel(one, backup.objects) if each is not None]


def _manifest(saved: Saved) -> Manifest:
    metadata = {"name": saved.key.name}
    if saved.key.namespace:
        metadata["namespace"] = saved.key.namespace
    return Manifest.from_body(
        {"apiVersion": saved.api_version, "kind": saved.key.kind, "metadata": metadata}
    )


def _disproof(adoption: Adoption, after: Mapping[str, Any] | None) -> HomeOpsError | None:
    """What is wrong with an object that was adopted."""
    key = adoption.key
    if after is None or after["metadata"]["uid"] != adoption.live["metadata"]["uid"]:
        return OwnershipError(
            str(key),
            "is no longer the object that was adopted",
            remedy="find out who deleted it; the next sync makes what is in Git",
        )
    lost = writing.lost(plan.marked(adoption), after)
    if lost:
        return OwnershipError(
            str(key),
            f"{', '.join(lost)} went while it was adopted",
            remedy="find out who took it (managedFields); the next sync applies what is in Git",
        )
    left = former_entries(after, adoption.managers)
    if left:
        return OwnershipError(
            str(key),
            f"{left[0].manager} has written to it again",
            remedy="stop that, then run the adoption again",
        )
    return None


def _parallel(act: Callable[[T], R], items: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(act, items))
