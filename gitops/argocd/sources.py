"""Do the sources of an Application fit together?

What a table of fields cannot say: which of them exclude or need each other. Called by the reader of
Applications. Source: ArgoCD, "Multiple Sources for an Application", "Helm".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gitops.errors import DiscoveryError

_REF = re.compile(r"[A-Za-z0-9_-]+")
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://")


def source_errors(spec: Mapping[str, Any], subject: str) -> list[DiscoveryError]:
    """What is wrong with ``spec.source`` and ``spec.sources``.

    Args:
        spec: an Application's, each field of which has been checked by itself.
        subject: what errors start with.
    """
    sources = spec.get("sources") or ([spec["source"]] if "source" in spec else [])
    if not sources:
        return [_error(subject, "spec.source is missing", "give it a repoURL and a path")]
    several = "sources" in spec and bool(spec["sources"])
    references = [each["ref"] for each in sources if each.get("ref")]
    errors = [
        _error(subject, f"spec.sources: the ref {ref!r} is there twice", "rename one")
        for ref in sorted({ref for ref in references if references.count(ref) > 1})
    ]
    for index, source in enumerate(sources):
        where = f"spec.sources[{index}]" if several else "spec.source"
        errors += [
            _error(subject, f"{where}{path} {reason}", remedy)
            for path, reason, remedy in _problems(source, references if several else ())
        ]
    return errors


def option_problems(options: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What is wrong with the tools' options of one source: path, reason, remedy."""
    tools = [name for name in ("helm", "kustomize", "directory") if options.get(name)]
    found = []
    if len(tools) > 1 and not (
        tools[-1] == "directory" and not options["directory"].get("recurse")
    ):
        text = " and ".join(tools)
        found.append(("", f"has options for {text}", "keep those of one tool, as ArgoCD wants"))
    helm = options.get("helm", {})
    files = [*helm.get("valueFiles", ()), *(each["path"] for each in _files(helm))]
    found += [
        (
            ".helm",
            f"reads {file!r} over the network",
            "commit the file, or use a source with a ref",
        )
        for file in files
        if _REMOTE.match(file)
    ]
    for replica in options.get("kustomize", {}).get("replicas", ()):
        if not re.fullmatch(r"\d+", str(replica["count"])):
            found.append((".kustomize.replicas", f"has count {replica['count']!r}", "use a number"))
    return found


def _problems(source: Mapping[str, Any], references: Any) -> list[tuple[str, str, str]]:
    url, chart, path = source["repoURL"], source.get("chart", ""), source.get("path", "")
    found = option_problems(source)
    if not url:
        found.append((".repoURL", "is empty", "name the repository"))
    if chart and path:
        found.append(("", "has both chart and path", "keep one of the two"))
    if chart and not source.get("targetRevision"):
        found.append((".targetRevision", "is missing", "name the chart's version"))
    if chart and source.get("ref"):
        found.append((".ref", "stands at a chart", "give the ref to a Git repository"))
    if url.startswith("oci://") and not chart:
        found.append(
            (".repoURL", "is an OCI artifact without a chart", "write the chart's name as chart")
        )
    if not chart and not path and not source.get("ref"):
        found.append((".path", "is missing", 'name a directory; "." is the repository itself'))
    if ".." in path.split("/"):
        found.append((".path", f"is {path!r}, outside of the repository", "correct it"))
    helm = source.get("helm", {})
    for file in (*helm.get("valueFiles", ()), *(each["path"] for each in _files(helm))):
        ref = file[1:].partition("/")[0] if file.startswith("$") else ""
        if ref and _REF.fullmatch(ref) and not ref.startswith("ARGOCD_") and ref not in references:
            found.append(
                (".helm", f"names {file!r}, and no source has the ref {ref!r}", "add the source")
            )
    return found


def _files(helm: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(helm.get("fileParameters", ()))


def _error(subject: str, reason: str, remedy: str) -> DiscoveryError:
    return DiscoveryError(subject, reason, remedy=remedy)
