"""How are figures shown? One line per measurement, and the same as JSON.

Called by the command line as measurements come in.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain.pins import TOOLS

_COLUMNS = (
    "{scenario:<12} {objects:>7}  {measurement:<40} {seconds:>8} {range:>17} {runs:>4} "
    "{cpu:>7} {cluster:>8} {peak:>8}  {target}"
)
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one run of a measured command cost; ``cluster_cpu_seconds`` is the API server's part."""

    seconds: float
    cpu_seconds: float = 0.0
    cluster_cpu_seconds: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement: its samples, and the seconds that are promised on two quiet cores.

    ``peak_target`` is the megabytes that are promised, ``note`` what was found beside the figures.
    """

    scenario: str
    measurement: str
    objects: int
    samples: Sequence[Sample]
    target: float | None = None
    peak_target: int | None = None
    note: str = ""

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(each.seconds for each in self.samples)

    @property
    def on_target(self) -> bool:
        """Whether what is promised was kept."""
        in_time = self.target is None or self.seconds <= self.target
        return in_time and (
            self.peak_target is None or self.peak_bytes <= self.peak_target * _MEGABYTE
        )

    @property
    def peak_bytes(self) -> int:
        """The most memory any of them held."""
        return max(each.peak_bytes for each in self.samples)


def header() -> str:
    """The names of the columns, with what they mean above them."""
    names = _COLUMNS.format(
        scenario="scenario",
        objects="objects",
        measurement="measurement",
        seconds="seconds",
        range="min .. max",
        runs="runs",
        cpu="CPU s",
        cluster="API CPU",
        peak="peak MB",
        target="target",
    )
    explanation = (
        "seconds: median; CPU s and peak MB: the command and all processes it starts; "
        "API CPU: API server, etcd and controllers meanwhile"
    )
    return f"{explanation}\n\n{names}\n{'-' * len(names)}"


def line(row: Row) -> str:
    """One row of the table."""
    seconds = sorted(each.seconds for each in row.samples)
    low, high = _seconds(seconds[0]), _seconds(seconds[-1])
    promised = [f"{row.target:g} s"] if row.target is not None else []
    promised += [f"{row.peak_target} MB"] if row.peak_target is not None else []
    target = f"{'ok' if row.on_target else 'MISSED'}, under {' and '.join(promised)}"
    target = target if promised else ""
    peak = row.peak_bytes
    figures = _COLUMNS.format(
        scenario=row.scenario,
        objects=row.objects,
        measurement=row.measurement,
        seconds=_seconds(row.seconds),
        range=f"{low} .. {high}" if len(seconds) > 1 else "",
        runs=len(seconds),
        cpu=_median([each.cpu_seconds for each in row.samples]),
        cluster=_median([each.cluster_cpu_seconds for each in row.samples]),
        peak=f"{peak / _MEGABYTE:.0f}" if peak else "",
        target=target,
    ).rstrip()
    return f"{figures}\n{'':>12} {row.note}" if row.note else figures


def as_json(conditions: dict[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """Everything that was measured and under which conditions."""
    return {"conditions": conditions, "measurements": [_row(each) for each in rows]}


def conditions(repository: Path) -> dict[str, Any]:
    """The machine, how busy it is, the versions and the date."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(repository),
        "cores": os.cpu_count() or 1,
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "tools": {tool.name: tool.version for tool in TOOLS},
    }


def describe(found: dict[str, Any]) -> str:
    """The conditions in words."""
    load = " ".join(map(str, found["load_average"]))
    tools = ", ".join(f"{name} {version}" for name, version in found["tools"].items())
    return (
        f"home-ops benchmarks, {found['date']}, commit {found['commit']}\n"
        f"{found['cores']} cores, {found['memory_bytes'] / 1e9:.1f} GB, load average {load}, "
        f"{found['system']}, Python {found['python']}\n{tools}"
    )


def _row(row: Row) -> dict[str, Any]:
    return {
        "scenario": row.scenario,
        "measurement": row.measurement,
        "objects": row.objects,
        "seconds": row.seconds,
        "target_seconds": row.target,
        "target_megabytes": row.peak_target,
        "note": row.note,
        "samples": [
            {
                "seconds": each.seconds,
                "cpu_seconds": each.cpu_seconds,
                "cluster_cpu_seconds": each.cluster_cpu_seconds,
                "peak_bytes": each.peak_bytes,
            }
            for each in row.samples
        ],
    }


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f}" if any(values) else ""


def _commit(repository: Path) -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
