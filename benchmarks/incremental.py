"""What does a change of one Application cost in stacks of different sizes, and with definitions?

Called by the command line like a scenario. Beside each commit stands the same change through a
whole `pulumi up`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.checkout import STACK, Checkout
from benchmarks.commits import Commits, sample_of
from benchmarks.definitions import sized_definition
from benchmarks.measurements import Limits
from benchmarks.report import Row, Sample
from benchmarks.scenarios import Scenario, as_yaml, small

NAME = "incremental"
DEFINITIONS = "definitions-stack"
_SIZES = (60, 240)
_OBJECTS = 25
_COMMIT, _COMMIT_WITH_DEFINITIONS, _PREVIEW = 3.0, 4.0, 10.0
_SMALLEST, _LARGEST = 20, 800  # kB, as the definitions of real operators
_DEFINITIONS = 100


def measure(directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure stacks of 1,500 and 6,000 objects in an empty folder.

    Raises:
        BenchmarkError: a command failed, or a pass did not do what is measured.
    """
    for applications in _SIZES:
        place = directory / str(applications)
        place.mkdir()
        scenario = _scenario(NAME, place, applications)
        with _Measured(place, scenario, limits) as measured:
            yield from measured.rows(_COMMIT if applications == _SIZES[0] else 1.5 * _COMMIT)


def measure_definitions(directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure 1,500 objects and 100 definitions of 20 to 800 kB, in one stack and in two.

    Raises:
        BenchmarkError: a command failed, or a pass did not do what is measured.
    """
    for separate in (False, True):
        place = directory / str(separate)
        place.mkdir()
        scenario = _scenario(DEFINITIONS, place, _SIZES[0])
        files = {
            f"apps/category-00/definitions/{each:03}.yaml": as_yaml(
                [sized_definition(each, kilobytes=_size(each))]
            )
            for each in range(_DEFINITIONS)
        }
        settings = {**scenario.settings, "definitions": {"separate": separate}}
        scenario = replace(
            scenario,
            files={**scenario.files, **files},
            settings=settings,
            objects=scenario.objects + _DEFINITIONS,
        )
        with _Measured(place, scenario, limits) as measured:
            where = "definitions apart" if separate else "one stack"
            yield from measured.rows(_COMMIT_WITH_DEFINITIONS, f", {where}", preview=_PREVIEW)


def _size(number: int) -> int:
    # as many between 20 and 40 kB as between 400 and 800
    return int(_SMALLEST * math.pow(_LARGEST / _SMALLEST, number / (_DEFINITIONS - 1)))


def _scenario(name: str, place: Path, applications: int) -> Scenario:
    made = small(applications=applications, objects=_OBJECTS)
    source = {"repoURL": str(place / "repository"), "targetRevision": "main"}
    return replace(made, name=name, settings={**made.settings, "source": source})


class _Measured:
    def __init__(self, place: Path, scenario: Scenario, limits: Limits) -> None:
        timeout = max(60.0, limits.until - time.monotonic())
        self._checkout = Checkout(place, scenario, timeout=timeout)
        self._limits = limits

    def __enter__(self) -> _Measured:
        self._checkout.start_cluster()
        self._checkout.make_stack()
        return self

    def __exit__(self, *_: object) -> None:
        self._checkout.stop()

    def rows(
        self, target: float, where: str = "", *, preview: float | None = None
    ) -> Iterator[Row]:
        """The first pass, commits of one object, and the same through everything."""
        checkout, scenario = self._checkout, self._checkout.scenario
        commits = Commits(checkout)
        yield self._row(f"first pass{where}", [commits.once()[0]])
        changed = [commits.edited() for _ in self._limits.cheap(scenario)]
        yield self._row(f"commit to one Application{where}", changed, target=target)
        if preview is not None:
            runs = [sample_of(checkout.preview()) for _ in self._limits.cheap(scenario)]
            yield self._row(f"no-op preview of {STACK}{where}", runs, target=preview)
        checkout.edit()
        yield self._row(f"the same through pulumi up{where}", [sample_of(checkout.up())])

    def _row(self, measurement: str, samples: list[Sample], *, target: float | None = None) -> Row:
        scenario = self._checkout.scenario
        return Row(
            scenario=scenario.name,
            measurement=measurement,
            objects=scenario.objects,
            samples=samples,
            target=target,
        )
