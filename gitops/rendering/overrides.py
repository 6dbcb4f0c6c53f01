"""What do ``.argocd-source.yaml`` and ``.argocd-source-<app>.yaml`` change in a source?

Called before the inputs of a source are gathered. Source: ArgoCD, "Parameter Overrides: Store
Overrides In Git": both are merged into the source, and no part but the tools' options counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitops import yaml_reader
from gitops.application import Source
from gitops.argocd.application_fields import DIRECTORY, HELM, KUSTOMIZE, SOURCE
from gitops.argocd.fields import check, mapping, without_nulls
from gitops.argocd.patching import merge_patched
from gitops.argocd.sources import option_problems
from gitops.errors import RenderError
from gitops.rendering.source_tree import SourceTree

_TABLE = mapping(**SOURCE["properties"])
_TOOLS = {"helm": HELM, "kustomize": KUSTOMIZE, "directory": DIRECTORY}


def overridden(source: Source, *, name: str, tree: SourceTree) -> Source:
    """The source with what its directory says about it.

    Args:
        source: the source; a chart has no directory.
        name: the Application's.
        tree: its repository.

    Raises:
        RenderError: a file has a field that is not supported.
    """
    options: Mapping[str, Any] = source.options
    if tree.kind(source.path) != "directory":
        return source
    names = tree.names(source.path)
    for file in (".argocd-source.yaml", f".argocd-source-{name}.yaml"):
        path = file if source.path == "." else f"{source.path}/{file}"
        if file in names:
            options = _merged(options, tree.read(path), path)
    if options is source.options:
        return source
    recurse = options.get("directory", {}).get("recurse", source.recurse)
    return replace(source, options=options, recurse=recurse)


def _merged(options: Mapping[str, Any], content: bytes, path: str) -> Mapping[str, Any]:
    documents = yaml_reader.load(content, source=path)
    patch = documents[0] if documents else None
    if patch is None:
        return options
    if not isinstance(patch, dict) or len(documents) > 1:
        raise RenderError(path, "it is no mapping", remedy="write fields of spec.source")
    for error in check(without_nulls(patch), _TABLE, subject=path):
        raise RenderError(error.subject, error.reason, remedy=error.remedy)
    merged = merge_patched(options, {key: patch[key] for key in _TOOLS if key in patch})
    for where, reason, remedy in option_problems(merged):
        raise RenderError(path, f"spec.source{where} {reason}", remedy=remedy)
    return {key: value for key, value in merged.items() if value}
