"""Which allowed word did the writer most likely mean?

Called wherever an error lists the allowed words.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """An ending for a list of allowed words, ``; did you mean "automated"?``, or an empty text."""
    folded = {each.lower(): each for each in allowed}
    close = difflib.get_close_matches(word.lower(), folded, n=1)
    return f'; did you mean "{folded[close[0]]}"?' if close else ""
