"""What do definitions cost those who change something else? 100 of them, in one stack and in two.

Called by the command line like a scenario. Their sizes are those of real operators' definitions:
as many between 20 and 40 kB as between 400 and 800.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.definitions import sized_definition
from benchmarks.measurements import Limits
from benchmarks.reconcile import SIZES, Passes, scenario
from benchmarks.report import Row
from benchmarks.scenarios import Scenario, as_yaml

NAME = "separate"
_COMMIT, _PREVIEW = 4.0, 10.0
_PEAK_MEGABYTES = 500
_DEFINITIONS = 100
_SMALLEST, _LARGEST = 20, 800  # kB


def measure(directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure 1,500 objects and 100 definitions in an empty folder.

    Raises:
        BenchmarkError: a command failed, or a pass did not do what is measured.
    """
    for separate in (False, True):
        place = directory / str(separate)
        place.mkdir()
        where = ", two stacks" if separate else ", one stack"
        with Passes(place, tree(place, separate=separate), limits, where) as passes:
            yield passes.first()
            yield passes.commit(_COMMIT, peak=_PEAK_MEGABYTES)
            yield passes.bare()
            yield passes.preview(_PREVIEW)
            yield passes.whole_up()


def tree(place: Path, *, separate: bool) -> Scenario:
    """60 Applications of 25 objects, and one with the definitions.

    Args:
        place: the folder of the working copy.
        separate: whether definitions have a stack of their own.
    """
    made = scenario(NAME, place, SIZES[0])
    ratio = (_LARGEST / _SMALLEST) ** (1 / (_DEFINITIONS - 1))
    files = {
        f"apps/category-00/definitions/{number:03}.yaml": as_yaml(
            [sized_definition(number, kilobytes=int(_SMALLEST * ratio**number))]
        )
        for number in range(_DEFINITIONS)
    }
    return replace(
        made,
        files={**made.files, **files},
        settings={**made.settings, "definitions": {"separate": separate}},
        objects=made.objects + _DEFINITIONS,
    )
