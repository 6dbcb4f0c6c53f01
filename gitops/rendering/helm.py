"""What does a Helm chart in the repository render to?

Called by ``render`` for directories that hold a ``Chart.yaml``. Runs ``helm template`` as ArgoCD
does: the release is named as the Application, in its namespace, CRDs included.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gitops.application import ApplicationSpec
from gitops.chart_store.dependencies import ChartDependencies
from gitops.errors import RenderError
from gitops.rendering import helm_values, stage, tools
from gitops.rendering.inputs import ChartReference, Inputs, SourceType
from gitops.rendering.source_tree import SourceTree
from gitops.versions import ClusterVersions

CHART_PLACE = "chart"
"""Where a chart that is a source by itself is laid out."""


def gather(
    spec: ApplicationSpec,
    *,
    tree: SourceTree | None,
    references: Mapping[str, SourceTree],
    environment: Mapping[str, str],
) -> Inputs:
    """Everything a chart reads: its files, the charts it depends on, and the source's values.

    Args:
        spec: the Application, with the source that is the chart.
        tree: the repository the chart is a directory of; None for a chart of a chart repository.
        references: the trees of the other sources its files may be in, by their ``ref``.
        environment: the build environment.

    Raises:
        RenderError: a file leaves the repository, or a dependency cannot be resolved.
        ManifestError: a Chart.yaml or Chart.lock is no YAML.
    """
    options = helm_values.resolved(
        spec.source.options.get("helm", {}), environment, references=references
    )
    beside = helm_values.own_values(options)
    path, files, charts = CHART_PLACE, {}, {}
    if tree is None:
        charts = {CHART_PLACE: _reference(spec)}
    else:
        path, files = spec.source.path, tree.contents(spec.source.path)
        charts = _dependencies(spec, tree, files)
    for name in helm_values.named_files(options):
        if helm_values.is_reference(name, references):
            beside |= helm_values.from_reference(name, references)
        elif tree is not None:
            files |= helm_values.from_tree(name, path=path, tree=tree)
    return Inputs(
        type=SourceType.HELM, path=path, files=files, charts=charts, beside=beside, options=options
    )


def _dependencies(
    spec: ApplicationSpec, tree: SourceTree, files: dict[str, bytes]
) -> dict[str, ChartReference]:
    charts: dict[str, ChartReference] = {}
    dependencies = ChartDependencies(subject=spec.subject, tree=tree, files=files, charts=charts)
    dependencies.add(spec.source.path, origin=spec.source.path)
    return charts


def _reference(spec: ApplicationSpec) -> ChartReference:
    source = spec.source
    # ArgoCD names an OCI registry without a scheme
    repo = source.repo_url if "://" in source.repo_url else f"oci://{source.repo_url}"
    return ChartReference(repo=repo, name=source.chart, version=source.target_revision)


def template(
    inputs: Inputs, *, spec: ApplicationSpec, charts: Mapping[str, Path], versions: ClusterVersions
) -> bytes:
    """The YAML a chart renders to.

    Args:
        inputs: what ``gather`` found.
        spec: the Application.
        charts: the unpacked chart for each place in ``inputs.charts``.
        versions: what the chart sees as ``.Capabilities``.

    Raises:
        RenderError: helm refuses the chart or takes too long; the reason is its cause.
        ToolError: helm is not on PATH.
    """
    options = inputs.options
    release = options.get("releaseName", spec.name)
    command = [tools.find("helm"), "template", release, ".", "--kube-version", versions.version]
    if namespace := options.get("namespace", spec.destination.namespace):
        command += ["--namespace", namespace]
    for entry in versions.api_versions:
        command += ["--api-versions", entry]
    with stage.laid_out(inputs, charts=charts) as place:
        command += helm_values.arguments(options, place=place, subject=spec.subject)
        outcome = tools.run(command, environment=place.environment, directory=place.directory)
        if outcome.returncode == 0:
            return outcome.stdout
        cause = tools.cause(outcome.stderr, hide=place.hidden)
    raise RenderError(
        spec.subject,
        f"helm template failed: {cause}",
        remedy=f"correct it; to try: helm template {release} {spec.source.chart or inputs.path}",
    )
