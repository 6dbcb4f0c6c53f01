"""Did anything a render depends on change?

Called by ``render_all``: equal digests mean equal manifests, so the cached ones are used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from gitops.application import ApplicationSpec
from gitops.rendering import capabilities, tools
from gitops.rendering.capabilities import Capabilities
from gitops.rendering.inputs import Inputs, LoadRestrictor, SourceType
from gitops.versions import ClusterVersions

FORMAT = 3
"""Raised when the renderer itself renders the same inputs differently."""

_TOOLS = {
    SourceType.KUSTOMIZE: ("kustomize", "helm"),
    SourceType.HELM: ("helm",),
    SourceType.DIRECTORY: (),
}


def tool_identity(kind: SourceType) -> str:
    """What a kind of source is rendered with; asked once per run, not once per Application.

    Raises:
        ToolError: a tool is not on PATH.
    """
    return "\n".join(tools.identity(name) for name in _TOOLS[kind])


def looked_at(inputs: Inputs, charts: Iterable[Capabilities]) -> Capabilities:
    """Which of the cluster's versions a render may depend on."""
    found = capabilities.NOTHING
    if inputs.type is not SourceType.DIRECTORY:
        found = capabilities.scan_all((*inputs.files.items(), *inputs.beside.items()))
    for chart in charts:
        found = found | chart
    return found


def of_inputs(
    inputs: Inputs,
    *,
    spec: ApplicationSpec,
    charts: Mapping[str, str],
    versions: ClusterVersions,
    looked_at: Capabilities,
    tool: str,
    load_restrictor: LoadRestrictor,
) -> str:
    """The SHA-256 of everything a render depends on, as hexadecimal digits.

    Args:
        inputs: the files.
        spec: the Application; its name is a Helm release's name, its namespace the release's.
        charts: the digest of the chart at each place.
        versions: the cluster's; each part counts only if ``looked_at`` says so.
        looked_at: what ``looked_at`` found.
        tool: from ``tool_identity``.
        load_restrictor: kustomize's setting.
    """
    named = inputs.type is SourceType.HELM
    header = {
        "format": FORMAT,
        "type": inputs.type,
        "path": inputs.path,
        "release": [spec.name, spec.destination.namespace] if named else [],
        "charts": sorted(charts.items()),
        "version": versions.version if looked_at.kube_version else None,
        "apiVersions": versions.api_versions if looked_at.api_versions else None,
        "tool": tool,
        "loadRestrictor": load_restrictor,
        "options": inputs.options,
    }
    total = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for path, content in _contents(inputs):
        total.update(f"\n{path}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def _contents(inputs: Inputs) -> list[tuple[str, bytes]]:
    beside = sorted(inputs.beside.items())
    return [*sorted(inputs.files.items()), *((f"beside\0{path}", text) for path, text in beside)]
