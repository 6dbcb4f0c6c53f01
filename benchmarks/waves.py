"""What do waves cost? 300 objects of one Application, in one wave and in five.

Called by the command line like a scenario. The objects are healthy at once, so what is measured is
the order itself: the gates, their requests, and that waves cannot overlap.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.checkout import Checkout
from benchmarks.measurements import Limits
from benchmarks.report import Row, Sample
from benchmarks.scenarios import Body, Scenario, as_yaml, settings, small_object

NAME = "waves"
OBJECTS = 300
WAVES = 5
_PATH = "apps/category-00/app-000/objects.yaml"
_TARGET_RATIO = 1.3
_REPEATS = 3


def measure(directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure in an empty folder.

    Raises:
        BenchmarkError: a command failed.
    """
    checkout = Checkout(directory, _scenario(), timeout=max(60.0, limits.until - time.monotonic()))
    samples: dict[int, list[Sample]] = {1: [], WAVES: []}
    try:
        checkout.start_cluster()
        checkout.make_stack()
        for number in range(limits.runs or _REPEATS):
            for count, found in samples.items():
                if number and time.monotonic() > limits.until:
                    break
                (checkout.root / _PATH).write_text(_tree(count))
                checkout.forget()
                run = checkout.up()
                found.append(
                    Sample(
                        seconds=run.seconds,
                        cpu_seconds=run.cpu_seconds,
                        peak_bytes=run.peak_bytes,
                    )
                )
        yield _row("first up, one wave", samples[1])
        yield _row(f"first up, {WAVES} waves", samples[WAVES])
        again = checkout.up("--expect-no-changes")
        yield _row(f"no-op up, {WAVES} waves", [Sample(seconds=again.seconds)])
        # the least of each is what the machine's other work has disturbed least
        ratio = _least(samples[WAVES]) / _least(samples[1])
        yield _row(f"{WAVES} waves to one, ratio", [Sample(seconds=ratio)], target=_TARGET_RATIO)
    finally:
        checkout.stop()


def _scenario() -> Scenario:
    return Scenario(
        name=NAME,
        description=f"{OBJECTS} objects of one Application, in one wave and in {WAVES}",
        application="bench-category-00-app-000",
        edited="",
        files={_PATH: _tree(1)},
        settings=settings(),
        objects=OBJECTS,
    )


def _tree(waves: int) -> str:
    return as_yaml([_object(number, number * waves // OBJECTS) for number in range(OBJECTS)])


def _object(number: int, wave: int) -> Body:
    body = _service(number) if number % 10 == 0 else small_object(0, number)
    annotations = {"argocd.argoproj.io/sync-wave": str(wave)}
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}


def _service(number: int) -> Body:
    """An object the gate has to look at."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"service-{number:03}"},
        "spec": {"clusterIP": "None", "selector": {"app": f"app-{number}"}},
    }


def _least(samples: list[Sample]) -> float:
    return min(each.seconds for each in samples)


def _row(measurement: str, samples: list[Sample], *, target: float | None = None) -> Row:
    return Row(
        scenario=NAME, measurement=measurement, objects=OBJECTS, samples=samples, target=target
    )
