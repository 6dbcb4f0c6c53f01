"""Which manifests does a plain directory hold?

Called by ``render``. No tool runs: the files are read as the API server reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.application import ApplicationSpec
from gitops.errors import RenderError
from gitops.globs import matches
from gitops.objects.manifest import load_yaml
from gitops.rendering.inputs import Inputs, SourceType
from gitops.rendering.source_tree import SourceTree

SUFFIXES = (".yaml", ".yml", ".json")
JSONNET = ".jsonnet"
_SKIP_MARK = b"+argocd:skip-file-rendering"


def gather(spec: ApplicationSpec, *, tree: SourceTree) -> Inputs:
    """The YAML and JSON files of a directory; those in folders below only with ``recurse``.

    Hidden files are left out, and files that say ``+argocd:skip-file-rendering``. Source: ArgoCD,
    "Directory".

    Raises:
        RenderError: a symbolic link leaves the repository, a file is too large, or one is Jsonnet.
    """
    path = spec.source.path
    options = spec.source.options.get("directory", {})
    every = tree.contents(path, recurse=spec.source.recurse, suffixes=(*SUFFIXES, JSONNET))
    prefix = "" if path == "." else f"{path}/"
    found = {
        name: content
        for name, content in every.items()
        if _is_wanted(name.removeprefix(prefix), options)
    }
    jsonnet = next((name for name in found if name.endswith(JSONNET)), None)
    if jsonnet:
        raise RenderError(
            spec.subject,
            f"{jsonnet} is Jsonnet, which is not rendered",
            remedy="render it to YAML and commit the result, or exclude it",
        )
    return Inputs(
        type=SourceType.DIRECTORY,
        path=path,
        files={
            name: content
            for name, content in found.items()
            if not _is_hidden(name.removeprefix(prefix)) and _SKIP_MARK not in content
        },
    )


def documents(inputs: Inputs) -> list[tuple[str, dict[str, Any]]]:
    """Every object of a plain directory with the file it is in, in the order of the files.

    Raises:
        ManifestError: with file and line: broken YAML, a duplicate key, no UTF-8, no mapping.
    """
    return [
        (path, body)
        for path, content in inputs.files.items()
        for body in load_yaml(content, source=path)
    ]


def _is_wanted(path: str, options: Mapping[str, Any]) -> bool:
    """Whether ``directory.include`` and ``directory.exclude`` leave a file in."""
    exclude, include = options.get("exclude"), options.get("include")
    if exclude and matches(exclude, path):
        return False
    return not include or matches(include, path)


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))
