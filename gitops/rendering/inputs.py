"""What does the rendering of one Application depend on?

The values input gathering makes (``kustomization``, ``helm``, ``directory``); digested by
``digest`` and laid out for the tools by ``stage``. What is not in here cannot change a render:
the tools run on a copy made of these inputs alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gitops.application import ApplicationSpec
from gitops.errors import HomeOpsError, RenderError
from gitops.rendering.source_tree import SourceTree
from gitops.versions import ClusterVersions


class SourceType(StrEnum):
    """ArgoCD's words for what a directory holds."""

    KUSTOMIZE = "Kustomize"
    HELM = "Helm"
    DIRECTORY = "Directory"


class LoadRestrictor(StrEnum):
    """kustomize's ``--load-restrictor``; ArgoCD leaves kustomize's default."""

    ROOT_ONLY = "LoadRestrictionsRootOnly"
    NONE = "LoadRestrictionsNone"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ChartReference:
    """A chart as a kustomization or a Chart.yaml names it."""

    repo: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"chart {self.name} {self.version or '(any version)'} from {self.repo}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything a render reads.

    ``files`` maps paths relative to the repository to their bytes; ``charts`` maps the place a
    chart is expected at, relative to the repository too, to the chart. ``pinned`` is false when
    something outside both is named that may change by itself, such as a remote base at a branch.
    ``beside`` are files the tools are given that are in no tree: values of the Application itself,
    and files of other repositories. ``options`` are the tool's, with all variables filled in.
    """

    type: SourceType
    path: str
    files: Mapping[str, bytes]
    charts: Mapping[str, ChartReference] = field(default_factory=dict)
    pinned: bool = True
    beside: Mapping[str, bytes] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def versions(self, cluster: ClusterVersions) -> ClusterVersions:
        """What charts see: the cluster's versions, or those the source names instead.

        Raises:
            RenderError: the source's ``kubeVersion`` is none.
        """
        version, apis = self.options.get("kubeVersion"), self.options.get("apiVersions")
        if not version and not apis:
            return cluster
        try:
            return ClusterVersions(version or cluster.version, tuple(apis or cluster.api_versions))
        except HomeOpsError as error:
            raise RenderError(
                self.path, f"the source's versions: {error.reason}", remedy=error.remedy
            ) from error


_EXPLICIT = {"helm": SourceType.HELM, "kustomize": SourceType.KUSTOMIZE}
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def source_type(spec: ApplicationSpec, tree: SourceTree) -> SourceType:
    """What an Application's directory holds, in ArgoCD's order of detection.

    Source: ArgoCD, "Tools": options for one tool decide; else a kustomization file wins over a
    Chart.yaml, which wins over plain manifests.

    Raises:
        RenderError: the directory does not exist or leaves the repository.
    """
    path = spec.source.path
    if tree.kind(path) != "directory":
        raise RenderError(
            spec.subject, f"there is no directory {path}", remedy="restore it, or remove the app"
        )
    for tool, kind in _EXPLICIT.items():
        if tool in spec.source.options:
            return kind
    if spec.source.options.get("directory", {}).get("recurse"):
        return SourceType.DIRECTORY
    names = tree.names(path)
    if names.intersection(KUSTOMIZATION_NAMES):
        return SourceType.KUSTOMIZE
    return SourceType.HELM if "Chart.yaml" in names else SourceType.DIRECTORY
