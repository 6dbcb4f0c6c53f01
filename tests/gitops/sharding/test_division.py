"""Which Application is in which shard, and whose business one is that has left Git."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gitops.application import ApplicationSpec
from gitops.application_target import ApplicationTarget
from gitops.config import Settings
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import main_stack, shard_index, shard_stack
from gitops.errors import OwnershipError, RenderError
from gitops.sharding.arranging import arranged
from gitops.sharding.division import divide, own_names, refuse_strangers, shard_of
from gitops.sharding.settings import ShardBy, Shards
from gitops.sharding.state import applications_of
from gitops.target import Target
from tests.gitops.objects import application
from tests.gitops.sharding.states import State

SPECS = [application(f"app-{number:03}") for number in range(240)]


def places(count: int, by: ShardBy = ShardBy.HASH) -> list[int]:
    """The shard of each Application."""
    return [shard_of(each, Shards(count=count, by=by)) for each in SPECS]


def test_hash() -> None:
    """Applications spread evenly, and one shard more takes its share and moves nothing else."""
    assert min(Counter(places(4)).values()) > 40
    before, after = places(4), places(5)
    moved = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert {b for _, b in moved} == {4}
    assert len(moved) < 75
    assert places(1) == [0] * 240


def test_category() -> None:
    """A category is never divided."""
    assert len(set(places(4, ShardBy.CATEGORY))) == 1
    other = replace(SPECS[0], category="networking")
    shards = Shards(count=64, by=ShardBy.CATEGORY)
    assert shard_of(other, shards) != shard_of(SPECS[0], shards)


def test_stack_names() -> None:
    """The first shard is the stack itself; every shard names its main stack."""
    assert [shard_stack("home", number) for number in (0, 1, 12)] == [
        "home",
        "home-shard-1",
        "home-shard-12",
    ]
    assert [shard_index(each) for each in ("home", "home-shard-1", "home-shard-0")] == [0, 1, 0]
    assert main_stack("me/home-shard-12") == "me/home"
    assert main_stack("home-definitions") == main_stack("home") == "home"


def target(*specs: ApplicationSpec) -> Target:
    """A target without objects."""
    return Target(applications=tuple(ApplicationTarget(spec=each) for each in specs))


def test_divide() -> None:
    """Every Application is in exactly one share; a broken one stops deletions in all of them."""
    shards = Shards(count=3)
    whole = target(*SPECS)
    found = [divide(whole, shards, stack=shard_stack("home", n)) for n in range(3)]
    shares = [{each.spec.name for each in division.own.applications} for division in found]
    assert sum(map(len, shares)) == 240
    assert set.union(*shares) == {each.name for each in SPECS}
    assert [division.first for division in found] == [True, False, False]

    error = RenderError("media/app", "no such chart", remedy="correct it")
    broken = whole.applications[0].broken(error)
    partly = replace(whole, applications=(broken, *whole.applications[1:]))
    for number in range(3):
        division = divide(partly, shards, stack=shard_stack("home", number))
        assert division.own.all_errors == (error,)


def inventory(*names: str) -> Inventory:
    """A state that has some Applications."""
    return Inventory(application_inputs={name: {} for name in names})


def test_what_has_left_git() -> None:
    """An Application that has left Git belongs to the shard whose state has it, to the first where
    none has; states are read only then."""
    shards, whole = Shards(count=2), target(*SPECS)
    divisions = [divide(whole, shards, stack=shard_stack("home", n)) for n in range(2)]
    every = {each.name for each in SPECS}

    def fail() -> Inventory:
        raise AssertionError("nobody has left Git")

    own = [own_names(e, every, state=fail, others=lambda: ()) for e in divisions]
    assert own[0] | own[1] == every
    assert not own[0] & own[1]

    found = [every | {"gone", "lost"}] * 2
    states = [inventory(), inventory("gone")]
    first = own_names(divisions[0], found[0], state=lambda: states[0], others=lambda: [states[1]])
    second = own_names(divisions[1], found[1], state=lambda: states[1], others=lambda: [states[0]])
    assert (first - every, second - every) == ({"lost"}, {"gone"})


def test_strangers() -> None:
    """A state that still has another shard's Application is not run: it would delete it."""
    division = divide(target(*SPECS), Shards(count=2), stack="home")
    stranger = sorted(division.beside)[0]
    refuse_strangers(division, inventory("gone"), stack="home")
    with pytest.raises(OwnershipError, match=f"{stranger}.*gitops shards arrange"):
        refuse_strangers(division, inventory(stranger), stack="home")


def test_arranged() -> None:
    """Every Application comes to its shard, what is no longer in Git stays, and what is in a shard
    that is no more comes to the first; what arrives is written before anything goes."""
    shards = Shards(count=2)
    home, other = State("home"), State("home-shard-5")
    for each in SPECS[:20]:
        home.add(each.name, f"{each.name}-a")
    home.add("gone", "x")
    other.add(SPECS[20].name, "y")
    other.add("lost", "z")
    plan = arranged("home", SPECS, {0: home.document, 5: other.document}, shards)
    wanted = {each.name: shard_of(each, shards) for each in SPECS[:21]}
    there = {name for name, number in wanted.items() if number == 1}
    assert 0 < len(there) < 20
    assert applications_of(plan.first[1]) == there
    assert applications_of(plan.first[0]) >= {"gone", "lost"} | (wanted.keys() - there)
    assert applications_of(plan.then[0]) == {"gone", "lost"} | (wanted.keys() - there)
    assert applications_of(plan.then[5]) == set()
    assert plan.moved["lost"] == (5, 0)
    assert not arranged("home", SPECS, {**plan.first, **plan.then}, shards).moved


def test_settings() -> None:
    """Without config a stack is one."""
    assert Settings(cluster="home").shards == Shards()
    assert str(Shards(count=3)) == "3 by hash"
    assert str(Shards(by=ShardBy.CATEGORY)) == "1"
