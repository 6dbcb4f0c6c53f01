"""What does the stack's config say about the repository's ArgoCD manifests?

The value of ``home-ops:argocd``; made by config, read by composition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.argocd.clusters import SERVER, Cluster, Clusters


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoCDSettings:
    """Where the manifests are that nobody else declares, and which clusters they may mean.

    ``paths`` are directories and files of the repository, as somebody gave them to
    ``kubectl apply``. ``policy``, unless empty, takes the place of every set's
    ``applicationsSync``, like the ``--policy`` of ArgoCD's ApplicationSet controller.
    """

    paths: tuple[str, ...] = ()
    policy: str = ""
    clusters: Clusters = field(default_factory=Clusters)


def read(config: Mapping[str, Any]) -> ArgoCDSettings | None:
    """The settings in a config its schema allows; None without ``home-ops:argocd``.

    The stack's cluster is known by the name it has in the config, too.
    """
    if "argocd" not in config:
        return None
    values = config["argocd"]
    own = tuple(
        Cluster(
            name=each["name"],
            server=each.get("server", SERVER),
            project=each.get("project", ""),
            labels=each.get("labels", {}),
            annotations=each.get("annotations", {}),
        )
        for each in values.get("clusters", ())
    )
    names = (config["cluster"],)
    clusters = Clusters(own=own, names=names, elsewhere=tuple(values.get("elsewhere", ())))
    return ArgoCDSettings(
        paths=tuple(path.strip("/") or "." for path in values.get("paths", ())),
        policy=values.get("policy", ""),
        clusters=clusters,
    )
