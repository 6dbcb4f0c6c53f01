"""Which charts do all Applications use, and which of them are locked now?

Called by ``gitops charts lock``, the one place that writes the lock file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitops.application import ApplicationSpec
from gitops.charts import ChartStore
from gitops.errors import HomeOpsError
from gitops.git.repositories import Repositories
from gitops.rendering.building import about, gather
from gitops.rendering.inputs import ChartReference
from gitops.rendering.parts import parts
from gitops.rendering.trees import Trees


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedCharts:
    """The digest of each chart in use, and by Application what could not be had."""

    digests: Mapping[ChartReference, str] = field(default_factory=dict)
    errors: Mapping[str, HomeOpsError] = field(default_factory=dict)


def lock_charts(
    specs: Sequence[ApplicationSpec],
    *,
    root: Path,
    charts: ChartStore,
    repositories: Repositories | None = None,
) -> LockedCharts:
    """Fetch every chart the Applications name; a recording store adds each to the lock file.

    Args:
        specs: the Applications.
        root: the repository.
        repositories: other repositories; without them every source is in ``root``.
        charts: a store made with ``record=True``.

    Returns:
        What is locked; one Application's error does not keep the others' charts from it.
    """
    trees = Trees(root=root, repositories=repositories)
    digests: dict[ChartReference, str] = {}
    errors: dict[str, HomeOpsError] = {}
    for spec in specs:
        try:
            for chart in _charts(spec, trees):
                if chart not in digests:
                    digests[chart] = charts.fetch(chart).digest
        except HomeOpsError as error:
            errors[spec.name] = about(spec, error)
    return LockedCharts(digests=digests, errors=errors)


def _charts(spec: ApplicationSpec, trees: Trees) -> list[ChartReference]:
    return [chart for part in parts(spec) for chart in gather(part, trees=trees).charts.values()]
