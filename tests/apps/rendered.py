"""What do the example cluster's Applications hold? Rendered once, asked by the tests beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops.application import ApplicationSetSpec, GitDirectory
from gitops.charts import ChartStore
from gitops.discovery import discover
from gitops.objects.manifest import Manifest
from gitops.objects.scope import CLUSTER_KINDS
from gitops.render import render_all
from gitops.versions import ClusterVersions

ROOT = Path(__file__).parents[2]
MIRRORS = {"oci://charts.home-ops.example/stable": "charts"}
EVERY_DIRECTORY = ApplicationSetSpec(
    name="example",
    directories=(GitDirectory(path="apps/*/*"),),
    template={
        "metadata": {"name": "local-{{path[1]}}-{{path.basename}}"},
        "spec": {"project": "apps", "destination": {"namespace": "{{path[1]}}"}},
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One object, the Application it is from (``media/jellyfin``) and where it lands."""

    app: str
    kind: str
    namespace: str
    name: str
    body: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.app} {self.kind} {self.namespace}/{self.name}"

    @property
    def category(self) -> str:
        """The first half of the Application's name."""
        return self.app.partition("/")[0]

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return str(self.body["apiVersion"]).rpartition("/")[0]

    @property
    def annotations(self) -> Mapping[str, str]:
        """The object's annotations."""
        found: Mapping[str, str] = self.body["metadata"].get("annotations", {})
        return found

    @property
    def pod_template(self) -> Mapping[str, Any] | None:
        """The template of the pods a workload makes, ``None`` for other objects."""
        if self.kind not in ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"):
            return None
        spec = self.body["spec"]
        found: Mapping[str, Any] = (
            spec["jobTemplate"]["spec"] if self.kind == "CronJob" else spec
        )["template"]
        return found

    @property
    def pod_labels(self) -> Mapping[str, str]:
        """The labels of the pods a workload makes; empty for other objects."""
        found: Mapping[str, str] = (self.pod_template or {}).get("metadata", {}).get("labels", {})
        return found

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """The containers of a workload, init containers first."""
        spec = (self.pod_template or {"spec": {"containers": []}})["spec"]
        return [*spec.get("initContainers", ()), *spec["containers"]]


def render_example(store: Path) -> list[Placed]:
    """Render every directory of ``apps/`` from nothing, in order."""
    found = discover(ROOT, [EVERY_DIRECTORY])
    assert found.errors == ()
    charts = ChartStore(store, mirrors=MIRRORS, repository_root=ROOT)
    renders = render_all(
        found.applications,
        root=ROOT,
        versions=ClusterVersions(version="1.36.3"),
        charts=charts,
    )
    assert renders.errors == {}
    pairs = [(s.subject, renders.rendered[s.name].manifests) for s in found.applications]
    return [*_placed(pairs)]


def _placed(pairs: Sequence[tuple[str, Sequence[Manifest]]]) -> Iterator[Placed]:
    cluster_scoped = {kind for kinds in CLUSTER_KINDS.values() for kind in kinds.split()}
    for _, manifests in pairs:
        for definition in (m.body["spec"] for m in manifests if "CustomRes" in m.key.kind):
            if definition["scope"] == "Cluster":
                cluster_scoped.add(definition["names"]["kind"])
    for app, manifests in pairs:
        for manifest in manifests:
            key = manifest.key
            wanted = key.namespace or app.partition("/")[0]
            yield Placed(
                app=app,
                kind=key.kind,
                namespace="" if key.kind in cluster_scoped else wanted,
                name=key.name,
                body=manifest.body,
            )
