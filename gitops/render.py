"""Which objects do Applications' directories describe?

Called by the program, the reconciler and the pull-request diff, with what discovery found; ordering
and ownership come next. One Application that cannot be rendered is an error value, never a stop.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gitops.application import ApplicationSpec
from gitops.charts import ChartStore, StoredChart
from gitops.errors import ChartError, HomeOpsError, RenderError
from gitops.git.repositories import Repositories
from gitops.objects.manifest import Manifest
from gitops.rendering import digest
from gitops.rendering.building import about, build, gather
from gitops.rendering.cache import RenderCache
from gitops.rendering.inputs import ChartReference, Inputs, LoadRestrictor, SourceType
from gitops.rendering.parts import parts, together
from gitops.rendering.trees import Trees
from gitops.versions import ClusterVersions

_PULLS = 8
"""Charts pulled at once: pulling waits for the network, rendering for a processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The objects of one Application.

    ``digest`` names the inputs; ``depends_on_api_versions`` says whether a chart asks which APIs
    the cluster serves, so whether further CRDs may change the outcome.
    """

    manifests: list[Manifest]
    digest: str
    depends_on_api_versions: bool
    from_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Renders:
    """What came of rendering many Applications, by Application name: each is in one of the two."""

    rendered: Mapping[str, Rendered] = field(default_factory=dict)
    errors: Mapping[str, HomeOpsError] = field(default_factory=dict)


def render(
    spec: ApplicationSpec,
    *,
    root: Path,
    versions: ClusterVersions,
    charts: ChartStore,
    load_restrictor: LoadRestrictor = LoadRestrictor.ROOT_ONLY,
    repositories: Repositories | None = None,
) -> list[Manifest]:
    """The objects of one Application, in the order its source names them.

    ArgoCD's order of detection decides how: a kustomization, a Helm chart, or plain manifests.

    Args:
        spec: the Application.
        root: the repository.
        versions: what charts see as ``.Capabilities``.
        charts: where charts come from.
        load_restrictor: kustomize's setting.
        repositories: other repositories; without them every source is in ``root``.

    Raises:
        RenderError: the source cannot be rendered; the subject is the Application, as in the
            others.
        ManifestError: an object is none, or larger than the API server takes.
        ChartError: a chart cannot be had or is not the one that was locked.
        ToolError: kustomize or helm is missing.
    """
    pass_ = _Pass(
        trees=Trees(root=root, repositories=repositories),
        versions=versions,
        charts=charts,
        load_restrictor=load_restrictor,
    )
    outcome = pass_.outcomes([spec], workers=1)[spec.name]
    if isinstance(outcome, HomeOpsError):
        raise outcome
    return outcome.manifests


def render_all(
    specs: Sequence[ApplicationSpec],
    *,
    root: Path,
    versions: ClusterVersions,
    charts: ChartStore,
    cache: RenderCache | None = None,
    workers: int | None = None,
    load_restrictor: LoadRestrictor = LoadRestrictor.ROOT_ONLY,
    repositories: Repositories | None = None,
) -> Renders:
    """Render many Applications: those whose inputs are known from the cache, the rest in parallel.

    Args:
        specs: the Applications; their names are unique.
        root: the repository.
        versions: what charts see as ``.Capabilities``.
        charts: where charts come from.
        cache: earlier renders; without one everything is rendered.
        workers: how many render at once; as many as there are processors by default.
        load_restrictor: kustomize's setting.
        repositories: other repositories; without them every source is in ``root``.

    Returns:
        Per Application its objects or the error that kept it from having any.
    """
    pass_ = _Pass(
        trees=Trees(root=root, repositories=repositories),
        versions=versions,
        charts=charts,
        cache=cache,
        load_restrictor=load_restrictor,
    )
    outcomes = pass_.outcomes(specs, workers=workers or os.cpu_count() or 1)
    return Renders(
        rendered={name: o for name, o in outcomes.items() if isinstance(o, Rendered)},
        errors={name: o for name, o in outcomes.items() if isinstance(o, HomeOpsError)},
    )


@dataclass(slots=True, kw_only=True)
class _Pass:
    """One look at the repository, over any number of Applications."""

    trees: Trees
    versions: ClusterVersions
    charts: ChartStore
    load_restrictor: LoadRestrictor
    cache: RenderCache | None = None
    tools: dict[SourceType, str] = field(default_factory=dict)
    missing: set[ChartReference] = field(default_factory=set)
    locks: dict[ChartReference, threading.Lock] = field(default_factory=dict)
    failures: dict[ChartReference, ChartError] = field(default_factory=dict)

    def outcomes(
        self, specs: Sequence[ApplicationSpec], *, workers: int
    ) -> dict[str, Rendered | HomeOpsError]:
        """What came of each Application, by name."""
        # known ones first and in this thread: they take no waiting, and threads would slow them
        units = {
            (spec.name, index): part for spec in specs for index, part in enumerate(parts(spec))
        }
        known = {key: self.known(part) for key, part in units.items()}
        waiting = {key: part for key, part in units.items() if known[key] is None}
        with ThreadPoolExecutor(_PULLS) as pulling, ThreadPoolExecutor(workers) as pool:
            for chart in sorted(self.missing):
                pulling.submit(self.prefetch, chart)
            outcomes = {key: pool.submit(self.render, part) for key, part in waiting.items()}
        if self.cache is not None and waiting:
            self.cache.prune(keep=2 * len(units))
        found: dict[str, list[Rendered | HomeOpsError]] = {spec.name: [] for spec in specs}
        for key, one in known.items():
            found[key[0]].append(one or outcomes[key].result())
        return {spec.name: _joined(spec, found[spec.name]) for spec in specs}

    def known(self, spec: ApplicationSpec) -> Rendered | HomeOpsError | None:
        """What the cache or a refusal of the inputs says; ``None`` when it takes a render."""
        if self.cache is None:
            return None
        try:
            inputs = gather(spec, trees=self.trees)
            charts = {place: self.charts.stored(ref) for place, ref in inputs.charts.items()}
            self.missing |= {ref for place, ref in inputs.charts.items() if charts[place] is None}
            stored = {place: chart for place, chart in charts.items() if chart is not None}
            return self._cached(spec, inputs, stored) if len(stored) == len(charts) else None
        except HomeOpsError as error:
            return about(spec, error)
        except OSError:
            return None  # a render meets it again and says what it means

    def prefetch(self, chart: ChartReference) -> None:
        """Pull a chart ahead of its render, which is told of errors when it asks itself."""
        with contextlib.suppress(HomeOpsError, OSError):
            self._fetched(chart)

    def render(self, spec: ApplicationSpec) -> Rendered | HomeOpsError:
        """The objects of an Application, from the cache if another thread was faster."""
        try:
            inputs = gather(spec, trees=self.trees)
            charts = {place: self._fetched(ref) for place, ref in inputs.charts.items()}
            return self._cached(spec, inputs, charts) or self._built(spec, inputs, charts)
        except HomeOpsError as error:
            return about(spec, error)
        except OSError as error:
            return RenderError(
                spec.subject, f"cannot be rendered: {error}", remedy="free or repair the disk"
            )

    def _fetched(self, chart: ChartReference) -> StoredChart:
        """A chart; one that cannot be had is asked for once, however many Applications want it."""
        with self.locks.setdefault(chart, threading.Lock()):
            if chart in self.failures:
                raise self.failures[chart]
            try:
                return self.charts.fetch(chart)
            except ChartError as error:
                self.failures[chart] = error
                raise

    def _cached(
        self, spec: ApplicationSpec, inputs: Inputs, charts: Mapping[str, StoredChart]
    ) -> Rendered | None:
        if self.cache is None or not inputs.pinned:
            return None
        key, depends = self._digest(spec, inputs, charts)
        manifests = self.cache.get(key)
        if manifests is None:
            return None
        return Rendered(
            manifests=manifests, digest=key, depends_on_api_versions=depends, from_cache=True
        )

    def _built(
        self, spec: ApplicationSpec, inputs: Inputs, charts: Mapping[str, StoredChart]
    ) -> Rendered:
        built = build(
            inputs,
            spec=spec,
            charts=charts,
            versions=self.versions,
            load_restrictor=self.load_restrictor,
        )
        manifests = [each.folded() for each in built]
        key, depends = self._digest(spec, inputs, charts)
        if self.cache is not None and inputs.pinned:
            self.cache.put(key, manifests)
        return Rendered(manifests=manifests, digest=key, depends_on_api_versions=depends)

    def _digest(
        self, spec: ApplicationSpec, inputs: Inputs, charts: Mapping[str, StoredChart]
    ) -> tuple[str, bool]:
        """The digest of the inputs, and whether the cluster's API versions are among them."""
        if inputs.type not in self.tools:
            self.tools[inputs.type] = digest.tool_identity(inputs.type)
        looked_at = digest.looked_at(inputs, (chart.capabilities for chart in charts.values()))
        key = digest.of_inputs(
            inputs,
            spec=spec,
            charts={place: chart.digest for place, chart in charts.items()},
            versions=inputs.versions(self.versions),
            looked_at=looked_at,
            tool=self.tools[inputs.type],
            load_restrictor=self.load_restrictor,
        )
        return key, looked_at.api_versions


def _joined(
    spec: ApplicationSpec, outcomes: Sequence[Rendered | HomeOpsError]
) -> Rendered | HomeOpsError:
    """What came of an Application's sources together."""
    rendered = []
    for outcome in outcomes:
        if isinstance(outcome, HomeOpsError):
            return outcome
        rendered.append(outcome)
    if len(rendered) == 1:
        return rendered[0]
    digests = " ".join(each.digest for each in rendered)
    return Rendered(
        manifests=together(spec, [each.manifests for each in rendered]),
        digest=hashlib.sha256(digests.encode()).hexdigest(),
        depends_on_api_versions=any(each.depends_on_api_versions for each in rendered),
        from_cache=all(each.from_cache for each in rendered),
    )
