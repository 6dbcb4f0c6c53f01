"""How do gathered inputs become objects?

Called by ``render`` for one Application and by ``render_all`` for those the cache does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitops.application import ApplicationSpec
from gitops.chart_store.dependencies import CHART_FILE
from gitops.charts import StoredChart
from gitops.errors import HomeOpsError, RenderError
from gitops.objects.manifest import Manifest, annotations_of, load_yaml
from gitops.rendering import (
    directory,
    helm,
    kustomization,
    kustomize,
    kustomize_edits,
    limits,
)
from gitops.rendering.build_environment import REVISION, variables
from gitops.rendering.inputs import (
    KUSTOMIZATION_NAMES,
    Inputs,
    LoadRestrictor,
    SourceType,
    source_type,
)
from gitops.rendering.overrides import overridden
from gitops.rendering.source_tree import SourceTree
from gitops.rendering.trees import Trees
from gitops.templates import app_settings
from gitops.versions import ClusterVersions

_HELM_HOOK = "helm.sh/hook"
_HELM_TESTS = frozenset({"test", "test-success", "test-failure"})
_TEXT = (".yaml", ".yml", ".json", ".tpl")


def gather(spec: ApplicationSpec, *, trees: Trees) -> Inputs:
    """Everything the render of an Application's source reads.

    Raises:
        RenderError: the directory, or something it refers to, cannot be read.
    """
    if spec.source.chart:
        return helm.gather(
            spec,
            tree=None,
            references=trees.references(spec),
            environment=variables(spec, revision=spec.source.target_revision),
        )
    tree = trees.of(spec.source)
    spec = replace(spec, source=overridden(spec.source, name=spec.name, tree=tree))
    kind = source_type(spec, tree)
    if spec.origin and trees.is_own(tree) and app_settings.FILE in tree.names(spec.source.path):
        raise _misplaced_settings(spec)
    if kind is SourceType.DIRECTORY:
        return directory.gather(spec, tree=tree)
    if kind is SourceType.HELM:
        references = trees.references(spec)
        environment = _environment(spec, trees)
        return helm.gather(spec, tree=tree, references=references, environment=environment)
    return _kustomization(spec, tree=tree, trees=trees)


def _misplaced_settings(spec: ApplicationSpec) -> RenderError:
    return RenderError(
        f"{spec.source.path}/{app_settings.FILE}",
        "it is for directories of the config's ApplicationSets, and this Application is declared "
        f"in {spec.origin}",
        remedy="write it there, or in .argocd-source.yaml, and remove the file",
    )


def _kustomization(spec: ApplicationSpec, *, tree: SourceTree, trees: Trees) -> Inputs:
    path, options = spec.source.path, spec.source.options.get("kustomize", {})
    references = kustomize_edits.references(options, path=path, tree=tree)
    inputs = kustomization.gather(path, subject=spec.subject, tree=tree, references=references)
    environment = _environment(spec, trees)
    return replace(
        inputs, options=kustomize_edits.resolved(options, environment, path=path, tree=tree)
    )


def _environment(spec: ApplicationSpec, trees: Trees) -> Mapping[str, str]:
    """The build environment; the commit is asked for only where it is named."""
    named = REVISION in json.dumps(spec.source.options)
    return variables(spec, revision=trees.revision(spec.source) if named else "")


def build(
    inputs: Inputs,
    *,
    spec: ApplicationSpec,
    charts: Mapping[str, StoredChart],
    versions: ClusterVersions,
    load_restrictor: LoadRestrictor,
) -> list[Manifest]:
    """The objects the inputs describe; those that are only Helm tests are left out, as in ArgoCD.

    Args:
        inputs: what ``gather`` found.
        spec: the Application.
        charts: the chart for each place in ``inputs.charts``.
        versions: what charts see as ``.Capabilities``.
        load_restrictor: kustomize's setting.

    Raises:
        RenderError: the source cannot be rendered.
        ManifestError: an object is none, or larger than the API server takes.
        ToolError: kustomize or helm is missing.
    """
    if inputs.type is SourceType.DIRECTORY:
        found = directory.documents(inputs)
    else:
        _refuse_other_encodings(inputs)
        unpacked = {place: chart.path for place, chart in charts.items()}
        if inputs.type is SourceType.KUSTOMIZE:
            text = kustomize.build(
                inputs,
                subject=spec.subject,
                charts=unpacked,
                versions=inputs.versions(versions),
                load_restrictor=load_restrictor,
            )
        else:
            seen = inputs.versions(versions)
            text = helm.template(inputs, spec=spec, charts=unpacked, versions=seen)
        source = _source(inputs)
        found = [(source, body) for body in load_yaml(text, source=source)]
    return [_manifest(body, source=source) for source, body in found if not _is_helm_test(body)]


def about(spec: ApplicationSpec, error: HomeOpsError) -> HomeOpsError:
    """The same error with the Application as its subject; what it was about moves to the reason."""
    if error.subject == spec.subject:
        return error
    return type(error)(spec.subject, f"{error.subject}: {error.reason}", remedy=error.remedy)


def _manifest(body: dict[str, Any], *, source: str) -> Manifest:
    manifest = Manifest.from_body(body, source=source)
    limits.check(manifest)
    return manifest


def _is_helm_test(body: Mapping[str, Any]) -> bool:
    """Whether an object belongs to ``helm test`` alone.

    Source: ArgoCD, "Helm": test hooks have no equivalent; gitops-engine ignores such objects.
    """
    hooks = {hook.strip() for hook in str(annotations_of(body).get(_HELM_HOOK, "")).split(",")}
    return hooks <= _HELM_TESTS


def _source(inputs: Inputs) -> str:
    """The file that stands for a rendered source."""
    names = KUSTOMIZATION_NAMES if inputs.type is SourceType.KUSTOMIZE else (CHART_FILE,)
    paths = [f"{inputs.path}/{name}" for name in names]
    return next((path for path in paths if path in inputs.files), paths[0])


def _refuse_other_encodings(inputs: Inputs) -> None:
    """Refuse YAML, JSON and template files that are not UTF-8: the tools would pass them on."""
    for path, content in inputs.files.items():
        if not path.endswith(_TEXT) or content.isascii():
            continue
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise RenderError(
                f"{path}:{line}", "the file is not UTF-8 text", remedy="save it as UTF-8"
            ) from error
