"""What do ``$ARGOCD_APP_NAME`` and its kin stand for in an Application's source?

Called where ArgoCD fills them in: Helm's parameters and the paths of its files, kustomize's images,
labels and, on demand, annotations. Source: ArgoCD, "Build Environment".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gitops.application import ApplicationSpec

REVISION = "ARGOCD_APP_REVISION"

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[^}]*)\}|(?P<special>[*#$@!?0-9-])|(?P<name>\w+))")


def variables(spec: ApplicationSpec, *, revision: str) -> dict[str, str]:
    """The build environment of an Application's source.

    Args:
        spec: the Application, with that source.
        revision: the commit, or a chart's version.
    """
    source = spec.source
    return {
        "ARGOCD_APP_NAME": spec.name,
        "ARGOCD_APP_NAMESPACE": spec.destination.namespace,
        "ARGOCD_APP_PROJECT_NAME": spec.project,
        "ARGOCD_APP_REVISION": revision,
        "ARGOCD_APP_REVISION_SHORT": revision[:7],
        "ARGOCD_APP_REVISION_SHORT_8": revision[:8],
        "ARGOCD_APP_SOURCE_PATH": source.path,
        "ARGOCD_APP_SOURCE_REPO_URL": source.repo_url,
        "ARGOCD_APP_SOURCE_TARGET_REVISION": source.target_revision,
    }


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """A text with its variables filled in as Go's ``os.Expand`` does it; ``$$`` is a dollar.

    A variable that does not exist is empty, as in ArgoCD.
    """

    def value(found: re.Match[str]) -> str:
        name = found["braced"] if found["braced"] is not None else found["special"] or found["name"]
        return "$" if name == "$" else environment.get(name, "")

    return _VARIABLE.sub(value, text)
