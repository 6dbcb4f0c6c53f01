"""How long is ``5m``? Called by the command line for its options and messages."""

from __future__ import annotations

import re

_PARTS = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = (3600, 60, 1)


def seconds(text: str) -> int:
    """A duration as Go and kubectl write it (``1h30m``, ``90s``); a bare number is in seconds.

    Raises:
        ValueError: it is something else.
    """
    if text.isdecimal():
        return int(text)
    match = _PARTS.fullmatch(text)
    if not match or not text:
        raise ValueError(f"{text!r} is no duration such as 90s or 5m")
    return sum(
        int(count) * unit for count, unit in zip(match.groups(), _UNITS, strict=True) if count
    )


def age(seconds: float) -> str:
    """How long ago something was, as kubectl says it: ``90s``, ``5m``, ``3h``, ``40d``."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * unit:
            return f"{int(seconds // unit)}{name}"
    return f"{max(int(seconds), 0)}s"


def shown(duration: float) -> str:
    """Seconds as a person reads them: ``5m``, ``90s``."""
    whole = round(duration)
    return f"{whole // 60}m" if whole and whole % 60 == 0 else f"{whole}s"
