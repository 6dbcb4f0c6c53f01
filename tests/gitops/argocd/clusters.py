"""Which clusters a test's stack calls its own."""

from __future__ import annotations

from typing import Any

from gitops.argocd.clusters import Clusters
from gitops.argocd.settings import read


def clusters_of(**argocd: Any) -> Clusters:
    """The clusters of a stack whose cluster is called t."""
    settings = read({"cluster": "t", "argocd": {"paths": ["x"], **argocd}})
    assert settings is not None
    return settings.clusters
