"""When does a schedule come round?

Called by sync windows. Five fields, as ArgoCD's parser reads them (``robfig/cron`` without
descriptors): lists, ranges, steps, names of months and days; ``*`` and ``?`` mean every value.
Where both days are restricted, either of them is enough, unless one begins with a star (``*/2``).
Times are those of a wall clock, without a zone.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

_VALUE = r"(?:[0-9]{1,2}|[A-Za-z]{3})"
_RANGE = rf"(?:[*?]|{_VALUE}(?:-{_VALUE})?)(?:/[0-9]{{1,2}})?"
_FIELD = re.compile(rf"{_RANGE}(?:,{_RANGE})*")
_DAY, _WEEKDAY = 2, 4
_SOME_DAY = datetime(2000, 1, 1)
_MINUTE = timedelta(minutes=1)


def check(schedule: str) -> None:
    """Refuse what is no schedule, and one that never comes round, such as the 30th of February.

    Raises:
        ValueError: the text says what is wrong.
    """
    _iterator(schedule, _SOME_DAY).get_next(datetime)


def before(schedule: str, moment: datetime) -> datetime:
    """The last time at or before a moment of the wall clock."""
    whole = moment.replace(second=0, microsecond=0)
    found: datetime = _iterator(schedule, whole + _MINUTE).get_prev(datetime)
    return found


def after(schedule: str, moment: datetime) -> datetime:
    """The first time after a moment of the wall clock."""
    found: datetime = _iterator(schedule, moment).get_next(datetime)
    return found


def _iterator(schedule: str, start: datetime) -> Any:
    from croniter import croniter  # only stacks with sync windows should pay for it

    expression, either = _read(schedule)
    return croniter(expression, start, day_or=either)


@lru_cache(maxsize=256)
def _read(schedule: str) -> tuple[str, bool]:
    fields = schedule.split()
    if len(fields) != 5:
        raise ValueError(f"{schedule!r} has {len(fields)} fields, a schedule has 5")
    for field in fields:
        if not _FIELD.fullmatch(field):
            raise ValueError(f"{schedule!r}: {field!r} is no list of values, ranges and steps")
    starred = fields[_DAY][0] in "*?" or fields[_WEEKDAY][0] in "*?"
    return " ".join(fields).replace("?", "*"), not starred
