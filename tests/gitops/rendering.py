"""Applications, trees and stores for the tests of rendering."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gitops.application import ApplicationSpec, Destination, Source
from gitops.charts import ChartStore
from gitops.objects.manifest import Manifest
from gitops.render import render
from gitops.versions import ClusterVersions

TESTDATA = Path(__file__).parents[1] / "testdata" / "render"
REPOSITORY = TESTDATA / "repository"
VERSIONS = ClusterVersions("v1.36.3")


def spec_for(path: str, *, recurse: bool = False, namespace: str = "apps") -> ApplicationSpec:
    """The Application of a directory."""
    return ApplicationSpec(
        name=path.rpartition("/")[2],
        category="tests",
        application_set="tests",
        project="default",
        source=Source(path=path, recurse=recurse),
        destination=Destination(namespace=namespace),
    )


def rendered(
    path: str,
    *,
    root: Path = REPOSITORY,
    charts: ChartStore | None = None,
    versions: ClusterVersions = VERSIONS,
    **source: Any,
) -> list[Manifest]:
    """The objects of a directory; without a store no chart can be pulled."""
    store = charts or ChartStore(root / "no-store", repository_root=root)
    return render(spec_for(path, **source), root=root, versions=versions, charts=store)


def identities(manifests: Sequence[Manifest]) -> list[str]:
    """Kind, namespace and name of each object."""
    return [str(manifest.key) for manifest in manifests]


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, "utf-8")
    return root


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a folder with its time and content."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def chart_files(name: str, version: str, *, message: str = "hello") -> dict[str, str]:
    """The files of a small chart."""
    return {
        f"{name}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
        f"{name}/values.yaml": f"message: {message}\n",
        f"{name}/templates/configmap.yaml": "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: {{ .Release.Name }}}\ndata: {message: {{ .Values.message }}}\n",
    }


def archive(files: Mapping[str, str]) -> bytes:
    """A chart's archive; the same files make the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content.encode())
            tar.addfile(entry, io.BytesIO(content.encode()))
    return packed.getvalue()
