from __future__ import annotations

import pytest

from reconciler.commands.durations import seconds, shown


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("0", 0)]
)
def test_durations_are_gos(text: str, expected: int) -> None:
    """Durations are written as kubectl takes them."""
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-5m", "1.5h", "m"])
def test_no_duration(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)


@pytest.mark.parametrize(("duration", "expected"), [(300, "5m"), (90, "90s"), (0, "0s")])
def test_durations_are_shown_short(duration: float, expected: str) -> None:
    """Whole minutes are shown as such."""
    assert shown(duration) == expected
