"""What one pass of a loop leaves to the next."""

from __future__ import annotations

from gitops.lately import Lately


def test_what_is_asked_for_is_kept() -> None:
    """A value stays for as many passes as ask for it."""
    lately: Lately[str, int] = Lately()
    lately.put("a", 1)
    for _ in range(3):
        lately.begin()
        assert lately.get("a") == 1
    assert len(lately) == 1


def test_what_two_passes_have_not_asked_for_is_forgotten() -> None:
    """One pass without a question is survived, two are not, and nothing else is lost."""
    lately: Lately[str, int] = Lately()
    lately.put("a", 1)
    lately.put("b", 2)
    for number in range(2):
        lately.begin()
        assert lately.get("b") == 2
        assert len(lately) == 2 - number
    assert lately.get("a") is None


def test_a_newer_value_takes_the_place_of_an_older() -> None:
    """What is put in this pass counts, whatever the pass before has left."""
    lately: Lately[str, int] = Lately()
    lately.put("a", 1)
    lately.begin()
    assert lately.get("a") == 1
    lately.put("a", 2)
    assert lately.get("a") == 2
    lately.begin()
    assert lately.get("a") == 2
