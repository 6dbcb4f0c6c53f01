"""How long is a duration as ArgoCD writes it?

Read by sync windows and retries: Go's ``time.ParseDuration`` (``1h30m``, ``1.5h``, ``300ms``), and
a bare number is seconds, as in ArgoCD's retry settings.
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

_UNITS = {
    "ns": Fraction(1, 1_000_000_000),
    "us": Fraction(1, 1_000_000),
    "µs": Fraction(1, 1_000_000),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_LONGEST = 366 * 24 * 3600


def parse(text: str) -> timedelta:
    """The length of time a text says.

    Raises:
        ValueError: it is no duration, or longer than a year.
    """
    if text.isascii() and text.isdigit():
        seconds = Fraction(text)
    elif _WHOLE.fullmatch(text):
        seconds = sum((Fraction(n) * _UNITS[u] for n, u in _PART.findall(text)), Fraction())
    else:
        raise ValueError(f'{text!r} is no duration such as "30m" or "1h30m"')
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is longer than a year")
    return timedelta(microseconds=int(seconds * 1_000_000))
