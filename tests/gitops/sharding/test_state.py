"""Applications move from one state to another with all that is theirs, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gitops.sharding.state import States, applications_of, emptied, move, resources
from tests.gitops.sharding.states import KEYS, State

Document = Mapping[str, Any]


def moved(source: Document, destination: Document, *names: str) -> States:
    """What a move makes, proved to be whole and to have changed neither argument."""
    before = copy.deepcopy((source, destination))
    states = States(source=source, destination=destination)
    result = move(states, names, source="home", destination="home-shard-1")
    assert (source, destination) == before
    check(result.source, "home")
    check(result.destination, "home-shard-1")
    return result


def check(document: Document, stack: str) -> None:
    """The engine takes a state only if everything stands after what it refers to, once."""
    known: dict[str, str] = {}
    for each in resources(document):
        assert each["urn"].startswith(f"urn:pulumi:{stack}::home-ops::")
        assert each["urn"] not in known
        provider, _, identity = str(each.get("provider") or "").rpartition("::")
        edges = {each.get("parent"), each.get("deletedWith"), provider or None}
        edges |= set(each.get("dependencies") or ())
        for urns in (each.get("propertyDependencies") or {}).values():
            edges |= set(urns)
        assert edges - {None} <= known.keys()
        assert not provider or known[provider] == identity
        known[each["urn"]] = each.get("id", "")


def names(document: Document) -> list[str]:
    """What a state has, without the stack's own resource."""
    return [each["urn"].rpartition("::")[2] for each in resources(document)][1:]


def test_into_a_stack_that_was_never_run() -> None:
    """What arrives brings along what it cannot be without, and nothing of others."""
    home = State("home")
    home.add("one", "a", "b")
    home.add("two", "c")
    result = moved(home.document, {}, "one")
    assert names(result.destination) == ["home", "media", "media", "one", "media/a", "media/b"]
    assert names(result.source) == ["home", "media", "media", "two", "media/c"]
    assert resources(result.destination)[0]["urn"].endswith("::home-ops-home-shard-1")
    assert resources(result.destination)[-1]["deletedWith"].endswith("Application::one")
    assert result.destination["deployment"]["secrets_providers"] == KEYS
    assert applications_of(result.destination) == {"one"}


def test_into_a_stack_that_has_its_own() -> None:
    """The destination's provider is used, and what it has is not copied over it."""
    home, other = State("home"), State("home-shard-1")
    home.add("one", "a")
    other.add("two", "c")
    result = moved(home.document, other.document, "one")
    assert names(result.destination)[-2:] == ["one", "media/a"]
    assert resources(result.destination)[-1]["provider"].endswith("::id-home-shard-1")


def test_what_waited_for_each_other() -> None:
    """What stays no longer depends on what goes, nor the other way; a namespace comes along."""
    home = State("home")
    _, first = home.add("one", "a")
    home.add("two", "b", needs=[first])
    staying = moved(home.document, {}, "one").source
    assert resources(staying)[-1]["dependencies"] == [home.namespace]
    going = moved(home.document, {}, "two").destination
    assert resources(going)[-1]["dependencies"] == [
        home.namespace.replace(":home:", ":home-shard-1:")
    ]


def test_twice() -> None:
    """After a kill between both writes the destination keeps what it has and the source lets go; a
    third time there is nothing to do."""
    home = State("home")
    home.add("one", "a", "b")
    first = moved(home.document, {}, "one")
    again = moved(home.document, first.destination, "one")
    assert again == first
    assert moved(first.source, first.destination, "one") == first


def test_an_object_that_is_there() -> None:
    """An object that has come to another Application of the destination is not in it twice."""
    home, other = State("home"), State("home-shard-1")
    home.add("one", "a", "b")
    other.add("two", "a")
    result = moved(home.document, other.document, "one")
    assert names(result.destination).count("media/a") == 1
    assert names(result.destination).count("media/b") == 1


def test_pending_operations() -> None:
    """An operation that was interrupted does not stay behind without its resource."""
    home = State("home")
    _, made = home.add("one", "a")
    document = home.document
    pending = [{"resource": {"urn": made}, "type": "creating"}]
    document["deployment"]["pending_operations"] = pending
    assert moved(document, {}, "one").source["deployment"]["pending_operations"] == []


def test_emptied() -> None:
    """A state is given up only when nothing is left in it that is not in others as well."""
    home = State("home")
    home.add("one", "a")
    with pytest.raises(ValueError, match="one"):
        emptied(home.document)
    left = moved(home.document, {}, "one").source
    assert json.loads(json.dumps(emptied(left)))["deployment"]["resources"] == []
