"""Which shards are asked for what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gitops.config import Settings
from gitops.sharding.division import shard_of
from gitops.sharding.settings import Shards
from reconciler.applications import Selection
from reconciler.passes.asked import NOTHING, Asked
from reconciler.sharding.asked import by_stack, divided
from tests.gitops.objects import application

SETTINGS = Settings(cluster="home", shards=Shards(count=2))
SPECS = tuple(
    replace(
        application(),
        name=f"home-{number}",
        category="even" if number % 2 == 0 else "odd",
        source=replace(application().source, path=f"apps/media/{number}"),
    )
    for number in range(8)
)


def test_every_shard_gets_its_own() -> None:
    """All are asked for what they have of it, each Application of one shard only."""
    asked = Asked(selection=Selection(), prune=True)
    found = divided(asked, "home", SETTINGS, SPECS)
    assert sorted(found) == ["home", "home-shard-1"]
    assert sorted(name for each in found.values() for name in each.names) == [
        spec.name for spec in SPECS
    ]
    for number, each in enumerate(found.values()):
        assert each.prune
        assert {shard_of(s, SETTINGS.shards) for s in SPECS if s.name in each.names} == {number}


def test_one_application() -> None:
    """By name or directory only its own shard is asked; what is nowhere the first one answers
    for, and looking at everything is a matter of all."""
    spec = next(each for each in SPECS if shard_of(each, SETTINGS.shards) == 1)
    for given in (spec.name, spec.subject):
        found = divided(Asked(names=(given,)), "home", SETTINGS, SPECS)
        assert {stack: each.names for stack, each in found.items()} == {
            "home-shard-1": (spec.name,)
        }
    absent = Asked(names=("absent",))
    assert divided(absent, "home", SETTINGS, SPECS) == {"home": absent}
    nobody = Asked(selection=Selection(categories=["none"]))
    assert divided(nobody, "home", SETTINGS, SPECS) == {"home": nobody}
    assert list(divided(NOTHING, "home", SETTINGS, SPECS)) == ["home", "home-shard-1"]


def test_without_a_repository_at_hand(tmp_path: Path) -> None:
    """The stack is asked itself; its config is read later."""
    asked = Asked(names=("a",))
    assert by_stack(asked, "home", tmp_path) == {"home": asked}
