"""Which version is the API server, and which kinds does it serve?

Called once per run, before rendering: charts render against what is found here, objects get their
scope from it, and listing takes its kinds from it. Two requests are enough where the server
aggregates discovery (KEP-3352, Kubernetes 1.26 and later); older ones are asked group by group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from cluster.connection import Connection, StatusError
from gitops.objects.scope import ServedKind
from gitops.versions import ClusterVersions

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResource:
    """One kind in one version, as the API server serves it.

    ``preferred`` marks the version of a kind that its group prefers: one per group and kind.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()
    preferred: bool = True

    @property
    def api_version(self) -> str:
        """``group/version``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, *, namespace: str = "", name: str = "") -> str:
        """The path of one object, or of all in a namespace, or of all in the cluster."""
        parts = ["", "apis" if self.group else "api", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        return "/".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """What one API server said about itself.

    ``unavailable`` names the group versions whose own server does not answer (an APIService such
    as metrics-server's that is down); they must not matter to anything else.
    """

    versions: ClusterVersions
    resources: tuple[ApiResource, ...]
    unavailable: tuple[str, ...] = ()
    _by_kind: Mapping[tuple[str, str], tuple[ApiResource, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_kind: dict[tuple[str, str], tuple[ApiResource, ...]] = {}
        for resource in sorted(self.resources, key=lambda each: not each.preferred):
            key = (resource.group, resource.kind)
            by_kind[key] = (*by_kind.get(key, ()), resource)
        object.__setattr__(self, "_by_kind", by_kind)

    def find(self, group: str, kind: str) -> ApiResource | None:
        """A kind in its preferred version, None when the server does not serve it."""
        return next(iter(self._by_kind.get((group, kind), ())), None)

    def serves(self, group: str, kind: str, *, version: str | None = None) -> bool:
        """Whether the server serves a kind, in one version or in any."""
        found = self._by_kind.get((group, kind), ())
        return any(version in (None, resource.version) for resource in found)

    def namespaced(self, group: str, kind: str) -> bool | None:
        """Whether objects of a kind have a namespace; None when the server does not serve it."""
        found = self.find(group, kind)
        return found.namespaced if found else None

    def version_for(self, group: str, kind: str) -> str | None:
        """The preferred version of a kind; None when the server does not serve it."""
        found = self.find(group, kind)
        return found.version if found else None

    def served_kinds(self) -> tuple[ServedKind, ...]:
        """All kinds with their scope and versions, as ``gitops.objects.scope`` takes them."""
        return tuple(
            ServedKind(
                group=group,
                kind=kind,
                namespaced=found[0].namespaced,
                versions=frozenset(resource.version for resource in found),
                plural=found[0].plural,
            )
            for (group, kind), found in self._by_kind.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _GroupVersion:
    """What discovery says of one version of one group; in the group's order of preference."""

    name: str
    resources: tuple[ApiResource, ...]
    available: bool = True


def facts(connection: Connection) -> ClusterFacts:
    """Ask the API server for its version and its kinds.

    Raises:
        ClusterError: the server does not answer or refuses; an aggregated API that does not
            answer is no error.
    """
    # Whoever accepts the connection may be slow to answer, but not for the usual minute: a run has
    # to say within ten seconds that there is no cluster.
    version = connection.get("/version", timeout=2 * connection.timeout)["gitVersion"]
    found = [
        *_group_versions(connection, "/api"),
        *_group_versions(connection, "/apis"),
    ]
    resources = tuple(_marked(resource for each in found for resource in each.resources))
    kinds = {f"{resource.api_version}/{resource.kind}" for resource in resources}
    names = {each.name for each in found}
    return ClusterFacts(
        versions=ClusterVersions(version=version, api_versions=tuple(sorted(names | kinds))),
        resources=resources,
        unavailable=tuple(each.name for each in found if not each.available),
    )


def _group_versions(connection: Connection, root: str) -> list[_GroupVersion]:
    answer = connection.get(root, accept=f"{AGGREGATED},application/json")
    if answer["kind"] == "APIGroupDiscoveryList":
        return [_aggregated(item, version) for item, version in _versions(answer)]
    if answer["kind"] == "APIVersions":
        names = list(answer["versions"])
    else:
        names = [name for group in answer["groups"] for name in _by_preference(group)]
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda name: _legacy(connection, root, name), names))


def _versions(answer: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for item in answer["items"]:
        for version in item.get("versions") or ():
            yield item, version


def _aggregated(item: Mapping[str, Any], version: Mapping[str, Any]) -> _GroupVersion:
    group = item["metadata"].get("name", "")
    name = version["version"]
    resources = tuple(
        ApiResource(
            group=group,
            version=name,
            kind=resource["responseKind"]["kind"],
            plural=resource["resource"],
            namespaced=resource["scope"] == "Namespaced",
            verbs=frozenset(resource.get("verbs") or ()),
        )
        for resource in version.get("resources") or ()
        if resource.get("responseKind") and resource["responseKind"].get("kind")
    )
    return _GroupVersion(
        name=f"{group}/{name}" if group else name,
        resources=resources,
        available=version.get("freshness", "Current") == "Current",
    )


def _by_preference(group: Mapping[str, Any]) -> list[str]:
    preferred = group.get("preferredVersion", {}).get("groupVersion")
    names = [version["groupVersion"] for version in group["versions"]]
    return sorted(names, key=lambda name: name != preferred)


def _legacy(connection: Connection, root: str, name: str) -> _GroupVersion:
    try:
        answer = connection.get(f"{root}/{name}")
    except StatusError as error:
        if error.code not in (404, 503):
            raise
        return _GroupVersion(name=name, resources=(), available=False)
    group, _, version = name.rpartition("/")
    return _GroupVersion(
        name=name,
        resources=tuple(
            ApiResource(
                group=group,
                version=version,
                kind=resource["kind"],
                plural=resource["name"],
                namespaced=resource["namespaced"],
                verbs=frozenset(resource.get("verbs") or ()),
            )
            for resource in answer.get("resources") or ()
            if "/" not in resource["name"]
        ),
    )


def _marked(resources: Iterable[ApiResource]) -> Iterator[ApiResource]:
    """The first version that serves a kind is its preferred one: groups come in that order."""
    seen: set[tuple[str, str]] = set()
    for resource in resources:
        key = (resource.group, resource.kind)
        yield resource if key not in seen else replace(resource, preferred=False)
        seen.add(key)
