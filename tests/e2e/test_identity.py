"""An object stays the same object, whatever its Application is called and wherever it moves.

All moves are made in one run and judged one by one: by uid, because "nothing to do" is also what
the engine says once an object is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.independent import check, same_objects
from tests.e2e.live import Key

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """A tree before and after everything in it moved."""

    checkout: Checkout
    before: Mapping[Key, str]
    planned: EngineRun
    run: EngineRun
    after: Mapping[Key, str]
    owners: Mapping[Key, str]

    def stayed(self, group: str, kind: str, name: str, *, namespace: str | None = None) -> str:
        """The Application that owns an object now, which is the object it was before."""
        where = self.checkout.id if namespace is None else namespace
        key = Key(group, kind, where, name)
        assert self.after[key] == self.before[key]
        return self.owners[key].removeprefix("e2e-").partition(":")[0]


def both_sets(checkout: Checkout, *, application: str) -> None:
    """Two ApplicationSets whose Applications share a namespace."""
    left, right = (
        application_set(name, path=f"apps/{name}/*", namespace=checkout.id, application=application)
        for name in ("left", "right")
    )
    checkout.configure(
        left,
        right,
        application_set("other", path="apps/other/*", namespace=f"{checkout.id}-other"),
    )


@pytest.fixture(scope="module")
def moves(new_checkout: NewCheckout) -> Moves:
    """A tree deployed, everything moved, and deployed again: twice, the second time for nothing."""
    checkout = new_checkout("identity")
    both_sets(checkout, application="e2e-{{category}}-{{path.basename}}")
    lay_out(checkout)
    checkout.up().succeeded()
    namespaces = dict.fromkeys(("left", "right"), checkout.id) | {"other": f"{checkout.id}-other"}
    before = check(checkout, namespaces=namespaces) | created_namespaces(checkout)
    move(checkout)
    planned = checkout.preview().succeeded()
    run = checkout.twice()
    after = check(checkout, namespaces=namespaces) | created_namespaces(checkout)
    owned = checkout.live.owned(checkout.stack).items()
    owners = {key: body["metadata"]["annotations"]["home-ops/tracking-id"] for key, body in owned}
    return Moves(
        checkout=checkout, before=before, planned=planned, run=run, after=after, owners=owners
    )


def created_namespaces(checkout: Checkout) -> dict[Key, str]:
    """The uids of the namespaces, which carry no mark while CreateNamespace makes them."""
    names = (checkout.id, f"{checkout.id}-other")
    return {Key("", "Namespace", "", name): checkout.live.uid("Namespace", name) for name in names}


def lay_out(checkout: Checkout) -> None:
    """The tree before the moves; every Application is named for what happens to it."""
    group = f"{checkout.id}.example"
    checkout.write("left/renamed", objects.config_map("of-renamed"))
    checkout.write("left/changes-set", objects.claim("of-changes-set"))
    checkout.write("left/gives", objects.config_map("within-set"), objects.role("across", "pods"))
    checkout.write("left/takes", objects.config_map("of-takes"))
    checkout.write("right/takes", objects.config_map("of-right-takes"))
    shared = objects.definition(group, "Shared")
    checkout.write("left/a-first-owner", shared)
    checkout.write("left/b-second-owner", shared)
    checkout.write("right/user", objects.thing(f"{group}/v1", "Shared", "instance", spec={"a": 1}))
    checkout.write("left/bumped", objects.autoscaler("bumped", version="v1"))
    checkout.write("left/bumped-and-moved", objects.autoscaler("bumped-and-moved", version="v1"))
    checkout.write("other/lodger", objects.config_map("lodger"))


def move(checkout: Checkout) -> None:
    """Everything moves."""
    checkout.app("renamed", "left").rename(checkout.app("has-a-new-name", "left"))
    checkout.app("changes-set", "left").rename(checkout.app("changes-set", "right"))
    checkout.remove("left/gives")
    checkout.write("left/takes", objects.config_map("of-takes"), objects.config_map("within-set"))
    moved = objects.role("across", "pods")
    checkout.write("right/takes", objects.config_map("of-right-takes"), moved)
    checkout.remove("left/a-first-owner")
    checkout.write("left/bumped", objects.autoscaler("bumped", version="v2"))
    checkout.remove("left/bumped-and-moved")
    later = objects.autoscaler("bumped-and-moved", version="v2")
    checkout.write("right/bumped-and-moved", later)
    namespace = objects.thing("v1", "Namespace", f"{checkout.id}-other")
    checkout.write("other/lodger", objects.config_map("lodger"), namespace)


def test_directory_renamed(moves: Moves) -> None:
    """A directory with another name is another Application with the same objects."""
    assert moves.stayed("", "ConfigMap", "of-renamed") == "left-has-a-new-name"


def test_directory_moved_to_another_set(moves: Moves) -> None:
    """A directory that another ApplicationSet matches now keeps its objects, a claim above all."""
    assert moves.stayed("", "PersistentVolumeClaim", "of-changes-set") == "right-changes-set"


def test_object_moved_between_applications(moves: Moves) -> None:
    """An object in another Application of the set is still the same object."""
    assert moves.stayed("", "ConfigMap", "within-set") == "left-takes"


def test_object_moved_between_sets(moves: Moves) -> None:
    """An object in an Application of another set is still the same object."""
    group = "rbac.authorization.k8s.io"
    assert moves.stayed(group, "Role", "across") == "right-takes"


def test_first_owner_of_a_shared_definition_removed(moves: Moves) -> None:
    """A definition two Applications hold passes to the second, and its instances live on."""
    crd = f"shareds.{moves.checkout.id}.example"
    owner = moves.stayed("apiextensions.k8s.io", "CustomResourceDefinition", crd, namespace="")
    assert owner == "left-b-second-owner"
    assert moves.stayed(f"{moves.checkout.id}.example", "Shared", "instance") == "right-user"


@pytest.mark.parametrize(
    ("name", "owner"), [("bumped", "left-bumped"), ("bumped-and-moved", "right-bumped-and-moved")]
)
def test_api_version_bumped(moves: Moves, name: str, owner: str) -> None:
    """Another version of its API does not make another object, not even on a move."""
    assert moves.stayed("autoscaling", "HorizontalPodAutoscaler", name) == owner


def test_created_namespace_becomes_rendered(moves: Moves) -> None:
    """A namespace that CreateNamespace made and an Application renders now is the same one."""
    assert (
        moves.stayed("", "Namespace", f"{moves.checkout.id}-other", namespace="") == "other-lodger"
    )


def test_nothing_is_deleted_on_the_way(moves: Moves) -> None:
    """Preview and update agree that no object is created, deleted or replaced."""
    for run in (moves.planned, moves.run):
        assert (run.created, run.deleted, run.replaced) == ([], [], []), run.output
    assert moves.planned.updated == moves.run.updated


def test_every_application_renamed(moves: Moves) -> None:
    """Another name template renames all Applications and moves no object."""
    checkout = moves.checkout
    before = checkout.uids()
    both_sets(checkout, application="renamed-{{path.basename}}-{{category}}")
    run = checkout.twice()
    assert (run.created, run.deleted, run.replaced) == ([], [], [])
    same_objects(before, checkout.uids())
    assert before.keys() == checkout.uids().keys()
