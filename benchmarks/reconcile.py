"""What does a pass cost in stacks of different sizes? Nothing to do, a look for drift, and a commit
to one Application.

Called by the command line like a scenario. Beside the commits stands the same change through a
whole `pulumi up`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.bare import Bare
from benchmarks.checkout import Checkout
from benchmarks.commits import Commits, sample_of
from benchmarks.measurements import Limits
from benchmarks.report import Row, Sample
from benchmarks.scenarios import Scenario, small

NAME = "reconcile"
SIZES = (60, 240)
OBJECTS = 25
_NO_OP, _NO_OP_LOOP, _DRIFT, _COMMIT = 2.0, 1.0, 1.0, 3.0
_RATIO = 1.5
_PEAK_MEGABYTES = 600


def measure(directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure stacks of 1,500 and 6,000 objects in an empty folder.

    Raises:
        BenchmarkError: a command failed, or a pass did not do what is measured.
    """
    for applications in SIZES:
        place = directory / str(applications)
        place.mkdir()
        scale = _RATIO if applications > SIZES[0] else 1.0
        with Passes(place, scenario(NAME, place, applications), limits) as passes:
            yield passes.first()
            yield from passes.nothing()
            yield passes.commit(_COMMIT * scale, peak=_PEAK_MEGABYTES)
            yield passes.whole_up()


def scenario(name: str, place: Path, applications: int) -> Scenario:
    """A tree whose repository is the working copy itself.

    Args:
        name: what the rows are called.
        place: the folder of the working copy.
        applications: how many there are, of 25 objects each.
    """
    made = small(applications=applications, objects=OBJECTS)
    source = {"repoURL": str(place / "repository"), "targetRevision": "main"}
    return replace(made, name=name, settings={**made.settings, "source": source})


class Passes:
    """A working copy with a cluster, and the rows about passes over it.

    Args:
        place: an empty folder.
        scenario: the tree.
        limits: how often and how long.
        where: what is added to the names of the rows.
    """

    def __init__(self, place: Path, scenario: Scenario, limits: Limits, where: str = "") -> None:
        timeout = max(60.0, limits.until - time.monotonic())
        self.checkout = Checkout(place, scenario, timeout=timeout)
        self._limits = limits
        self._where = where
        self._commits: Commits | None = None

    def __enter__(self) -> Passes:
        self.checkout.start_cluster()
        self.checkout.make_stack()
        return self

    def __exit__(self, *_: object) -> None:
        self.checkout.stop()

    def first(self) -> Row:
        """Everything is new."""
        self._commits = Commits(self.checkout)
        return self.row("first pass", [self._commits.once()[0]])

    def nothing(self) -> Iterator[Row]:
        """Git and the cluster agree: as a job, inside a loop, and the look for drift in that."""
        assert self._commits is not None
        found = [self._commits.nothing() for _ in self._limits.cheap(self.checkout.scenario)]
        lists = found[0][1]["lists"]
        told = f"no-op, {lists['requests']} LISTs, {lists['bytes'] / 1e6:.1f} MB"
        yield self.row(told, [each[0] for each in found], target=_NO_OP)
        loop = self._commits.loop()
        seconds = [Sample(seconds=float(each["seconds"])) for each in loop]
        yield self.row("no-op in --loop", seconds, target=_NO_OP_LOOP)
        drift = [Sample(seconds=_part(each, "live") + _part(each, "compare")) for each in loop]
        yield self.row("drift scan in --loop", drift, target=_DRIFT)

    def commit(self, target: float, *, peak: int) -> Row:
        """A commit that changes one object, until it is applied, looked at and remembered."""
        assert self._commits is not None
        changed = [self._commits.edited() for _ in self._limits.cheap(self.checkout.scenario)]
        return self.row("commit to one Application", changed, target=target, peak=peak)

    def whole_up(self) -> Row:
        """The same change through `pulumi up`, which declares everything."""
        self.checkout.edit()
        return self.row("the same through pulumi up", [sample_of(self.checkout.up())])

    def bare(self) -> Row:
        """One object of a program that has no other, and nothing of ours: what nobody can spare."""
        program = Bare(self.checkout)
        program.changed()
        runs = [program.changed() for _ in self._limits.cheap(self.checkout.scenario)]
        return self.row("a bare Pulumi program beside it", runs)

    def preview(self, target: float) -> Row:
        """A whole `pulumi preview` with nothing to do."""
        runs = [
            sample_of(self.checkout.preview()) for _ in self._limits.cheap(self.checkout.scenario)
        ]
        return self.row("no-op preview", runs, target=target)

    def row(
        self,
        measurement: str,
        samples: list[Sample],
        *,
        target: float | None = None,
        peak: int | None = None,
    ) -> Row:
        """A row of this stack."""
        scenario = self.checkout.scenario
        return Row(
            scenario=scenario.name,
            measurement=f"{measurement}{self._where}",
            objects=scenario.objects,
            samples=samples,
            target=target,
            peak_target=peak,
        )


def _part(report: dict[str, Any], name: str) -> float:
    return float(report["timings"][name])
