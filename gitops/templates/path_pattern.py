"""Which paths does a pattern such as ``apps/*/*`` match?

The syntax is that of Go's ``path.Match``, which ArgoCD's Git directory generator uses. Called by
config, which checks patterns, and by discovery, which walks them.
"""

from __future__ import annotations

import functools
import re

_TOKEN = re.compile(
    r"(?P<star>\*+)|(?P<any>\?)|\[(?!\^\])(?P<not>\^?)(?P<class>(?:[^\\\]]|\\.)+)\]"
    r"|\\(?P<escaped>.)|(?P<literal>[^*?\[\\]+)",
    re.DOTALL,
)
_IN_CLASS = re.compile(r"(\\.|[^\\-])(?:-(\\.|[^\\-]))?", re.DOTALL)


@functools.lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression for ``fullmatch``; ``*`` and ``?`` never match ``/``.

    Raises:
        ValueError: the pattern is malformed: an unclosed ``[``, a last backslash, an empty range.
    """
    translated, position = "", 0
    while position < len(pattern):
        found = _TOKEN.match(pattern, position)
        if found is None:
            raise ValueError(f"pattern {pattern!r} is malformed at {pattern[position:]!r}")
        position = found.end()
        translated += _translated(found, pattern)
    try:
        return re.compile(translated, re.DOTALL)
    except re.error as error:  # a range from z to a, which Go lets match nothing
        raise ValueError(f"pattern {pattern!r} is malformed: {error}") from error


def _translated(found: re.Match[str], pattern: str) -> str:
    if found["star"]:
        return "[^/]*"
    if found["any"]:
        return "[^/]"
    if found["class"]:
        return f"[{found['not']}{_ranges(found['class'], pattern)}]"
    return re.escape(found["escaped"] or found["literal"])


def _ranges(text: str, pattern: str) -> str:
    parts = list(_IN_CLASS.finditer(text))
    if "".join(part[0] for part in parts) != text:
        raise ValueError(f"pattern {pattern!r} is malformed at [{text}]")
    return "".join(
        re.escape(part[1][-1]) + (f"-{re.escape(part[2][-1])}" if part[2] else "") for part in parts
    )
