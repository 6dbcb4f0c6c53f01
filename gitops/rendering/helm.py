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
from gitops.rendering import stage, tools
from gitops.rendering.inputs import ChartReference, Inputs, SourceType
from gitops.rendering.source_tree import SourceTree
from gitops.versions import ClusterVersions


def gather(path: str, *, subject: str, tree: SourceTree) -> Inputs:
    """Everything the chart in a directory reads: its files and the charts it depends on.

    Args:
        path: the chart's directory, relative to the repository.
        subject: what errors start with.
        tree: the repository.

    Raises:
        RenderError: a file leaves the repository, or a dependency cannot be resolved.
        ManifestError: a Chart.yaml or Chart.lock is no YAML.
    """
    files = tree.contents(path)
    charts: dict[str, ChartReference] = {}
    dependencies = ChartDependencies(subject=subject, tree=tree, files=files, charts=charts)
    dependencies.add(path, origin=path)
    return Inputs(type=SourceType.HELM, path=path, files=files, charts=charts)


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
    command = [tools.find("helm"), "template", spec.name, ".", "--include-crds"]
    command += ["--namespace", spec.destination.namespace, "--kube-version", versions.version]
    for entry in versions.api_versions:
        command += ["--api-versions", entry]
    with stage.laid_out(inputs, charts=charts) as place:
        outcome = tools.run(command, environment=place.environment, directory=place.directory)
        if outcome.returncode == 0:
            return outcome.stdout
        cause = tools.cause(outcome.stderr, hide=place.hidden)
    raise RenderError(
        spec.subject,
        f"helm template failed: {cause}",
        remedy=f"correct it; to try: helm template {spec.name} {inputs.path}",
    )
