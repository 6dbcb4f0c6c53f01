from __future__ import annotations

import pytest

from gitops.errors import ConfigError
from gitops.status.label_selector import parse

LABELS = {"home-ops/category": "media", "tier": "gold"}


@pytest.mark.parametrize(
    ("selector", "accepted"),
    [
        ("", True),
        ("home-ops/category=media", True),
        ("home-ops/category==media,tier=gold", True),
        ("home-ops/category = ai", False),
        ("home-ops/category!=ai", True),
        ("absent!=anything", True),
        ("tier", True),
        ("!tier", False),
        ("! absent", True),
        ("absent", False),
        ("tier in (gold, silver)", True),
        ("tier notin (gold,silver), home-ops/category", False),
        ("absent notin (gold)", True),
    ],
)
def test_selectors(selector: str, *, accepted: bool) -> None:
    """Selectors mean what they mean to kubectl."""
    assert all(each.accepts(LABELS) for each in parse(selector)) is accepted


@pytest.mark.parametrize("selector", ["=media", "a b", "tier in gold", "a=b=c", "a,,b"])
def test_wrong_selectors_are_refused(selector: str) -> None:
    """What is no selector is an error that shows how one is written."""
    with pytest.raises(ConfigError, match="key=value"):
        parse(selector)
