"""Which clusters does a stack call its own, and is a destination one of them?

ArgoCD may serve many clusters, a stack is one: the cluster generator gives the names that cluster
has in the config, and an Application for any other is refused, unless the config says that another
stack sees to it. Called by the readers of Applications, ApplicationSets and AppProjects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gitops.globs import matches

IN_CLUSTER = "in-cluster"
SERVER = "https://kubernetes.default.svc"
SECRET_TYPE = {"argocd.argoproj.io/secret-type": "cluster"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as ArgoCD's cluster Secret describes it: name, address, labels, annotations."""

    name: str
    server: str = SERVER
    project: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


class Place(Enum):
    """Whose a destination is."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """The descriptions of the stack's own cluster, and what other stacks are for.

    ``own`` are cluster Secrets of ArgoCD, several where it knew the cluster under several names;
    ``names`` are further names. ``elsewhere`` are names and servers, globs too.
    """

    own: tuple[Cluster, ...] = ()
    names: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()

    def place(self, *, name: str, server: str) -> Place:
        """Whose cluster has this name or this server; ArgoCD wants one of the two."""
        wanted = name or server
        if wanted in self.known:
            return Place.HERE
        if any(matches(pattern, wanted) for pattern in self.elsewhere):
            return Place.ELSEWHERE
        return Place.UNKNOWN

    @property
    def known(self) -> frozenset[str]:
        """Every name and server the stack's own cluster goes by."""
        described = (text for each in self.own for text in (each.name, each.server))
        return frozenset({IN_CLUSTER, SERVER, *self.names, *described})
