"""Which tag does a range of versions mean?

Called for a ``targetRevision`` such as ``1.2.*`` or ``>=1.0.0 <2.0.0`` (ArgoCD, "Tracking and
Deployment Strategies": Git). Whether a version is in a range says the library ArgoCD asks as well,
Masterminds semver, in the program that also fills in Go templates; only a range starts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gitops.argocd.templating import TemplateError, Templates

_RANGE = re.compile(r"[*<>=~^|, ]|(^|\.)[xX](\.|$)")
_PART = r"[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"v?\d+(\.\d+){{0,2}}(-{_PART})?(\+{_PART})?")
_NEWEST = (
    '{{- $found := "" -}}'
    "{{- range .tags -}}{{- if semverCompare $.range . -}}"
    '{{- if or (eq $found "") (gt ((semver .).Compare (semver $found)) 0) -}}'
    "{{- $found = . -}}{{- end -}}{{- end -}}{{- end -}}{{ $found }}"
)


def is_range(revision: str) -> bool:
    """Whether a revision may be a range; a version and the name of most branches is none."""
    return _RANGE.search(revision) is not None


def newest(revision: str, tags: Iterable[str]) -> str:
    """The tag with the newest version in a range; empty where there is none, or no range.

    Args:
        revision: what may be a range.
        tags: all tags; those that are no versions count for nothing.

    Raises:
        ToolError: the program is missing.
    """
    versions = [tag for tag in tags if _VERSION.fullmatch(tag)]
    with Templates() as templates:
        try:
            found = templates.fill(
                _NEWEST, {"range": revision, "tags": versions}, options=(), subject=revision
            )
        except TemplateError:
            return ""
    return str(found)
