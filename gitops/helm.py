"""What does a Helm chart in the repository render to?

Called by ``render`` for directories that hold a ``Chart.yaml``. Runs ``helm template`` as ArgoCD
does: the release is named as the Application, in its namespace, CRDs included.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path

import yaml

from gitops import stage, tools
from gitops.application import ApplicationSpec
from gitops.errors import RenderError
from gitops.inputs import ChartReference, Inputs, SourceType
from gitops.source_tree import SourceTree
from gitops.versions import ClusterVersions

CHART_FILE = "Chart.yaml"


def gather(path: str, *, subject: str, tree: SourceTree) -> Inputs:
    """Everything the chart in a directory reads: its files and the charts it depends on.

    Args:
        path: the chart's directory, relative to the repository.
        subject: what errors start with.
        tree: the repository.

    Raises:
        RenderError: a file leaves the repository, or a dependency is named in a way that only the
            Helm settings of one user resolve.
    """
    files = tree.contents(path)
    charts: dict[str, ChartReference] = {}
    add_dependencies(path, path, subject=subject, tree=tree, files=files, charts=charts)
    return Inputs(type=SourceType.HELM, path=path, files=files, charts=charts)


def add_dependencies(
    place: str,
    origin: str,
    *,
    subject: str,
    tree: SourceTree,
    files: dict[str, bytes],
    charts: dict[str, ChartReference],
) -> None:
    """Add what ``helm dependency build`` would put into a chart's ``charts`` folder.

    Args:
        place: where the chart is laid out; its files are in ``files`` below it.
        origin: where the chart is in the repository; ``file://`` dependencies start there.
        subject: what errors start with.
        tree: the repository.
        files: gets the files of dependencies in the repository.
        charts: gets the charts to be pulled.

    Raises:
        RenderError: as ``gather``.
    """
    locked = {
        (_text(entry, "name"), _text(entry, "repository")): _text(entry, "version")
        for entry in _dependencies(files.get(f"{place}/Chart.lock", b""), subject, place)
    }
    wanted = _dependencies(files.get(f"{place}/{CHART_FILE}", b""), subject, place)
    for dependency in wanted:
        name, repo = _text(dependency, "name"), _text(dependency, "repository")
        version = locked.get((name, repo)) or _text(dependency, "version")
        target = f"{place}/charts/{name}"
        if not repo or target in charts or _is_vendored(target, files):
            continue
        if repo.startswith("file://"):
            folder = posixpath.normpath(posixpath.join(origin, repo.removeprefix("file://")))
            _refuse_missing(tree, folder, name=name, subject=subject)
            for path, content in tree.shared(folder).items():
                files[target + path.removeprefix(folder)] = content
            add_dependencies(target, folder, subject=subject, tree=tree, files=files, charts=charts)
        elif repo.startswith(("oci://", "https://", "http://")):
            charts[target] = ChartReference(repo=repo, name=name, version=version)
        else:
            raise RenderError(
                subject,
                f"{origin}/{CHART_FILE} takes {name} from {repo}, a name in somebody's Helm "
                "settings",
                remedy="write the repository's URL",
            )


def _refuse_missing(tree: SourceTree, folder: str, *, name: str, subject: str) -> None:
    if tree.kind(f"{folder}/{CHART_FILE}") != "file":
        raise RenderError(
            subject,
            f"the chart {name} it depends on is not in {folder}",
            remedy="correct the dependency's repository",
        )


def _dependencies(content: bytes, subject: str, place: str) -> list[Mapping[str, object]]:
    """The ``dependencies`` of a Chart.yaml or Chart.lock."""
    try:
        chart = yaml.load(content, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RenderError(
            subject, f"{place}/{CHART_FILE} or Chart.lock is no YAML", remedy="correct it"
        ) from error
    found = chart.get("dependencies") if isinstance(chart, dict) else None
    return [entry for entry in found or [] if isinstance(entry, dict)]


def _is_vendored(target: str, files: Mapping[str, bytes]) -> bool:
    """Whether a dependency is in the chart already, unpacked or packed."""
    return any(
        path.startswith((f"{target}/", f"{target}-")) and path.endswith((f"/{CHART_FILE}", ".tgz"))
        for path in files
    )


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


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
