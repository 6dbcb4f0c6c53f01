"""Does a chart look at the cluster's version or its API versions?

Called by the chart store, once per chart, and by the input digest: an Application whose charts ask
for neither needs no new render when the cluster learns a new API.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_MENTION = re.compile(rb"""[.$"]Capabilities\b["\s)]*(?:\.\s*(\w+))?""")
_CONSTRAINT = re.compile(rb"""\bkubeVersion["']?\s*:""")
_HARMLESS = frozenset({b"HelmVersion"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Which parts of Helm's ``.Capabilities`` a chart may read."""

    kube_version: bool = False
    api_versions: bool = False

    def __or__(self, other: Capabilities) -> Capabilities:
        return Capabilities(
            kube_version=self.kube_version or other.kube_version,
            api_versions=self.api_versions or other.api_versions,
        )


NOTHING = Capabilities()
ANYTHING = Capabilities(kube_version=True, api_versions=True)


def scan(path: str, content: bytes) -> Capabilities:
    """What one file of a chart, or a values file whose text the chart may expand, looks at.

    A packed subchart cannot be looked into here and counts as everything, as does a template that
    hands ``.Capabilities`` on as a whole.
    """
    if path.endswith(".tgz"):
        return ANYTHING
    found = NOTHING
    if b"Capabilities" in content:
        found = _mentioned(match[1] for match in _MENTION.finditer(content))
    if path.endswith("Chart.yaml") and _CONSTRAINT.search(content):
        found = found | Capabilities(kube_version=True)
    return found


def scan_all(files: Iterable[tuple[str, bytes]]) -> Capabilities:
    """What any of the files looks at."""
    found = NOTHING
    for path, content in files:
        found = found | scan(path, content)
        if found == ANYTHING:
            break
    return found


def _mentioned(names: Iterable[bytes | None]) -> Capabilities:
    found = NOTHING
    for name in names:
        if name == b"APIVersions":
            found = found | Capabilities(api_versions=True)
        elif name == b"KubeVersion":
            found = found | Capabilities(kube_version=True)
        elif name not in _HARMLESS:
            return ANYTHING
    return found
