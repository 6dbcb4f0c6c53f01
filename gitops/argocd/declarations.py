"""Which of an Application's objects declare Applications, sets and projects?

Called by the reader of an ArgoCD repository, and by composition, which applies the other objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gitops.errors import HomeOpsError
from gitops.objects.manifest import Manifest
from gitops.render import Rendered

GROUP = "argoproj.io"
KINDS = ("AppProject", "Application", "ApplicationSet")


def declares(manifest: Manifest) -> bool:
    """Whether an object is one of ArgoCD's three kinds."""
    return manifest.key.group == GROUP and manifest.key.kind in KINDS


def without(
    outcomes: Mapping[str, Rendered | HomeOpsError],
) -> dict[str, Rendered | HomeOpsError]:
    """What was rendered for each Application, without what declares others."""
    return {
        name: outcome
        if isinstance(outcome, HomeOpsError)
        else replace(outcome, manifests=_ordinary(outcome.manifests))
        for name, outcome in outcomes.items()
    }


def _ordinary(manifests: Iterable[Manifest]) -> list[Manifest]:
    return [each for each in manifests if not declares(each)]
