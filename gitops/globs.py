"""Does a text match a glob as ArgoCD's settings have them?

Called where settings name groups and kinds. ``*`` matches anything, a ``/`` too; further ``?``,
``[ab]``, ``[!ab]`` and ``{a,b}`` (ArgoCD matches with gobwas/glob, without separators).
"""

from __future__ import annotations

import fnmatch
import functools
import re


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches; a pattern that is no glob matches only itself."""
    return pattern == text or _compiled(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{fnmatch.translate(each)})" for each in _alternatives(pattern)))


def _alternatives(pattern: str) -> list[str]:
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if braces is None:
        return [pattern]
    before, after = pattern[: braces.start()], pattern[braces.end() :]
    return [
        each for part in braces[1].split(",") for each in _alternatives(f"{before}{part}{after}")
    ]
