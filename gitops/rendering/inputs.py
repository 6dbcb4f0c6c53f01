"""What does the rendering of one Application depend on?

The values input gathering makes (``kustomization``, ``helm``, ``directory``); digested by
``digest`` and laid out for the tools by ``stage``. What is not in here cannot change a render:
the tools run on a copy made of these inputs alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gitops.application import ApplicationSpec
from gitops.errors import RenderError
from gitops.rendering.source_tree import SourceTree


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
    """

    type: SourceType
    path: str
    files: Mapping[str, bytes]
    charts: Mapping[str, ChartReference] = field(default_factory=dict)
    pinned: bool = True


KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def source_type(spec: ApplicationSpec, tree: SourceTree) -> SourceType:
    """What an Application's directory holds, in ArgoCD's order of detection.

    Source: ArgoCD, "Tools": a kustomization file wins over a Chart.yaml, which wins over plain
    manifests.

    Raises:
        RenderError: the directory does not exist or leaves the repository.
    """
    path = spec.source.path
    if tree.kind(path) != "directory":
        raise RenderError(
            spec.subject, f"there is no directory {path}", remedy="restore it, or remove the app"
        )
    names = tree.names(path)
    if names.intersection(KUSTOMIZATION_NAMES):
        return SourceType.KUSTOMIZE
    return SourceType.HELM if "Chart.yaml" in names else SourceType.DIRECTORY
