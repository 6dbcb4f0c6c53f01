"""What is measured of one scenario, and in which order?

Called by the command line; every row is given out as soon as it is known.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cluster, peers
from benchmarks.checkout import STACK, BenchmarkError, Checkout
from benchmarks.measuring import Run
from benchmarks.report import Row, Sample
from benchmarks.scenarios import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often to measure and how long.

    ``runs`` is how often everything is measured; 0 for once what changes everything and as often
    as the scenario says what is cheap. Nothing is repeated after ``until``, a time of the
    monotonic clock.
    """

    runs: int
    until: float

    def expensive(self) -> Iterator[int]:
        """Once for every run of what needs an empty cluster."""
        return self._while_time(self.runs or 1)

    def cheap(self, scenario: Scenario) -> Iterator[int]:
        """Once for every run of what can simply be repeated."""
        return self._while_time(self.runs or scenario.repeats)

    def _while_time(self, count: int) -> Iterator[int]:
        for number in range(count):
            if number == 0 or time.monotonic() < self.until:
                yield number


def measure(scenario: Scenario, directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure one scenario in an empty folder.

    Raises:
        BenchmarkError: a command failed, or the cluster does not hold the objects of the tree.
    """
    timeout = max(60.0, limits.until - time.monotonic())
    checkout = Checkout(directory, scenario, timeout=timeout)
    try:
        yield from _Measurements(checkout, limits).rows()
    finally:
        checkout.stop()


@dataclass(slots=True)
class _Measurements:
    checkout: Checkout
    limits: Limits
    objects: int = 0

    def rows(self) -> Iterator[Row]:
        targets = self.checkout.scenario.targets
        yield from self._renders()
        ready = self.checkout.start_cluster()
        self.checkout.make_stack()
        yield self._row("control plane, until pods can run", [Sample(seconds=ready)])
        yield self._first_up()
        if targets.make_up is not None:
            yield self._as_make_up(ready)
        self._count()
        cheap = self._cheap
        yield cheap("no-op preview", self.checkout.preview, target=targets.preview)
        yield cheap("no-op up", lambda: self.checkout.up("--expect-no-changes"))
        yield cheap("one Application changed, up", self._changed(self.checkout.up))
        urns = [f"--target={urn}" for urn in self.checkout.urns()]
        targeted = self._changed(lambda: self.checkout.up(*urns))
        yield cheap(f"same, {len(urns)} --target URNs", targeted)
        self._count()
        if self.checkout.scenario.peers:
            self.checkout.forget()
            for measurement, samples in peers.kubectl_apply(self._sample, self.checkout):
                yield self._row(measurement, samples)

    def _renders(self) -> Iterator[Row]:
        cache = self.checkout.directory / "render-cache"
        scenario = self.checkout.scenario
        cold: list[Sample] = []
        for _ in self.limits.cheap(scenario):
            shutil.rmtree(cache, ignore_errors=True)
            cold.append(self._render(cache))
        yield self._row("render, cold cache", cold)
        warm = [self._render(cache) for _ in self.limits.cheap(scenario)]
        yield self._row("render, warm cache", warm, target=scenario.targets.warm_render)

    def _render(self, cache: Path) -> Sample:
        run = self.checkout.render(cache)
        found = json.loads(run.output.splitlines()[-1])
        self.objects = found["objects"]
        expected = self.checkout.scenario.objects
        if expected and self.objects != expected:
            raise BenchmarkError(f"{self.objects} objects were rendered instead of {expected}")
        return Sample(
            seconds=found["seconds"], cpu_seconds=run.cpu_seconds, peak_bytes=run.peak_bytes
        )

    def _first_up(self) -> Row:
        """What a new user sees first: nothing rendered, nothing in the cluster."""
        samples: list[Sample] = []
        for number in self.limits.expensive():
            if number:
                self.checkout.forget()
            samples.append(self._sample(self.checkout.up))
        target = self.checkout.scenario.targets.first_up
        return self._row("first up", samples, target=target)

    def _as_make_up(self, ready: float) -> Row:
        """``make up`` where tools and renders are cached: control plane, sync and table."""
        self.checkout.forget()
        sample = self._sample(self.checkout.gitops_up)
        together = Sample(
            seconds=ready + sample.seconds,
            cpu_seconds=sample.cpu_seconds,
            cluster_cpu_seconds=sample.cluster_cpu_seconds,
            peak_bytes=sample.peak_bytes,
        )
        target = self.checkout.scenario.targets.make_up
        return self._row("control plane and gitops up", [together], target=target)

    def _cheap(
        self, measurement: str, act: Callable[[], Run], *, target: float | None = None
    ) -> Row:
        samples = [self._sample(act) for _ in self.limits.cheap(self.checkout.scenario)]
        return self._row(measurement, samples, target=target)

    def _changed(self, act: Callable[[], Run]) -> Callable[[], Run]:
        def changed() -> Run:
            self.checkout.edit()
            run = act()
            if "1 updated" not in run.output and "updated" not in run.output:
                raise BenchmarkError(f"nothing was updated:\n{run.output[-2000:]}")
            return run

        return changed

    def _sample(self, act: Callable[[], Run]) -> Sample:
        before = self.checkout.cluster_cpu_seconds()
        run = act()
        return Sample(
            seconds=run.seconds,
            cpu_seconds=run.cpu_seconds,
            cluster_cpu_seconds=self.checkout.cluster_cpu_seconds() - before,
            peak_bytes=run.peak_bytes,
        )

    def _count(self) -> None:
        """Prove with ``kubectl`` that the cluster holds every object of the tree."""
        found = cluster.count(self.checkout, stack=STACK)
        if found != self.objects:
            raise BenchmarkError(f"the cluster holds {found} objects of the tree's {self.objects}")

    def _row(self, measurement: str, samples: list[Sample], *, target: float | None = None) -> Row:
        return Row(
            scenario=self.checkout.scenario.name,
            measurement=measurement,
            objects=self.objects,
            samples=samples,
            target=target,
        )
