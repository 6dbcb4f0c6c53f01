"""What does an Application's source change in a kustomization?

``spec.source.kustomize``, applied to the copy that is built, with kustomize's own ``edit`` commands
as ArgoCD does it. Called by the builder of kustomizations.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitops import yaml_reader
from gitops.errors import RenderError
from gitops.rendering import tools
from gitops.rendering.build_environment import expanded
from gitops.rendering.inputs import KUSTOMIZATION_NAMES
from gitops.rendering.source_tree import SourceTree
from gitops.rendering.stage import Stage


def references(options: Mapping[str, Any], *, path: str, tree: SourceTree) -> list[str]:
    """The paths a source adds to a kustomization: those of its components and patches.

    Missing components are left out where ``ignoreMissingComponents`` says so.
    """
    patches = [each["path"] for each in options.get("patches", ()) if each.get("path")]
    return [*patches, *_components(options, path=path, tree=tree)]


def resolved(
    options: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    path: str,
    tree: SourceTree,
) -> dict[str, Any]:
    """The options with the build environment filled in where ArgoCD does it.

    Args:
        options: ``spec.source.kustomize``.
        environment: the build environment.
        path: the kustomization's directory.
        tree: the repository.
    """
    found = {key: value for key, value in options.items() if value not in ("", [], {}, None)}
    if "images" in found:
        found["images"] = [expanded(each, environment) for each in found["images"]]
    texts = ["commonLabels"]
    if found.get("commonAnnotationsEnvsubst"):
        texts.append("commonAnnotations")
    for key in texts:
        if key in found:
            found[key] = {name: expanded(text, environment) for name, text in found[key].items()}
    if "components" in found:
        found["components"] = _components(options, path=path, tree=tree)
    return found


def apply(options: Mapping[str, Any], *, place: Stage, subject: str) -> None:
    """Change the kustomization laid out in a stage.

    Raises:
        RenderError: kustomize refuses a change, or there is no kustomization.
        ToolError: kustomize is not on PATH.
    """
    for command in _commands(options):
        outcome = tools.run(
            [tools.find("kustomize"), "edit", *command],
            environment=place.environment,
            directory=place.directory,
        )
        if outcome.returncode != 0:
            cause = tools.cause(outcome.stderr, hide=place.hidden)
            raise RenderError(
                subject,
                f"kustomize edit {' '.join(command)} failed: {cause}",
                remedy="correct the source's kustomize options",
            )
    if options.get("patches"):
        _add_patches(options["patches"], place.directory, subject)


def _commands(options: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for option, name in (("namePrefix", "nameprefix"), ("nameSuffix", "namesuffix")):
        if option in options:
            yield ("set", name, "--", options[option])
    if options.get("images"):
        yield ("set", "image", *options["images"])
    if options.get("replicas"):
        counts = (f"{each['name']}={int(each['count'])}" for each in options["replicas"])
        yield ("set", "replicas", *counts)
    if options.get("commonLabels"):
        flags = {
            "forceCommonLabels": "--force",
            "labelWithoutSelector": "--without-selector",
            "labelIncludeTemplates": "--include-templates",
        }
        chosen = (flag for name, flag in flags.items() if options.get(name))
        yield ("add", "label", *chosen, *_pairs(options["commonLabels"]))
    if options.get("commonAnnotations"):
        force = ("--force",) if options.get("forceCommonAnnotations") else ()
        yield ("add", "annotation", *force, *_pairs(options["commonAnnotations"]))
    if "namespace" in options:
        yield ("set", "namespace", "--", options["namespace"])
    if options.get("components"):
        yield ("add", "component", *options["components"])


def _pairs(texts: Mapping[str, str]) -> list[str]:
    return [f"{name}:{text}" for name, text in texts.items()]


def _components(options: Mapping[str, Any], *, path: str, tree: SourceTree) -> list[str]:
    found: list[str] = options.get("components", [])
    if not options.get("ignoreMissingComponents"):
        return found
    return [each for each in found if tree.kind(posixpath.normpath(posixpath.join(path, each)))]


def _add_patches(patches: Sequence[Mapping[str, Any]], directory: Path, subject: str) -> None:
    name = next((n for n in KUSTOMIZATION_NAMES if (directory / n).is_file()), None)
    if name is None:
        raise RenderError(
            subject, "there is no kustomization to patch", remedy="add kustomization.yaml"
        )
    file = directory / name
    documents = yaml_reader.load(file.read_bytes(), source=name)
    kustomization = documents[0] if documents and isinstance(documents[0], dict) else {}
    before = kustomization.get("patches") or []
    # JSON is YAML that kustomize reads as well
    file.write_text(json.dumps({**kustomization, "patches": [*before, *patches]}), "utf-8")
