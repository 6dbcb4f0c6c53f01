"""What stays in the cluster when an object leaves its Application, when an Application leaves Git,
and when everything is destroyed?

One tree holds every row of the table (docs/adr/0002); objects are named for what protects them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.live import Body

pytestmark = pytest.mark.e2e

PROTECTIONS = {
    "plain": {},
    "prune-false": objects.options("Prune=false"),
    "delete-false": objects.options("ServerSideApply=true", "Delete=false"),
    "helm-keep": objects.HELM_KEEP,
}
SETS = ("pruning", "unpruned", "late", "preserving", "finalized", "lonely")

LEFT_A_LIVING_APPLICATION = {
    "pruning/left-plain": False,
    "pruning/left-prune-false": True,
    "pruning/left-helm-keep": True,
    "pruning/left-delete-false": False,
    "unpruned/left": True,
    "late/left-as-prune-was-turned-off": True,
}
LEFT_WITH_ITS_APPLICATION = {
    "pruning/gone-plain": False,
    "pruning/gone-prune-false": False,
    "pruning/gone-helm-keep": True,
    "pruning/gone-delete-false": True,
    "unpruned/gone": False,
    "late/gone-as-preserving-was-turned-on": True,
    "preserving/gone": True,
    "finalized/gone": False,
    "lonely/gone": False,
}
DESTROYED = {
    "pruning/end-plain": False,
    "pruning/end-prune-false": False,
    "pruning/end-helm-keep": True,
    "pruning/end-delete-false": True,
    "pruning/left-prune-false": False,
    "pruning/left-helm-keep": True,
    "unpruned/end": False,
    "unpruned/left": False,
    "late/left-as-prune-was-turned-off": True,
    "preserving/end": True,
    "finalized/end": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A tree from which something of every kind has left."""

    checkout: Checkout
    planned: EngineRun
    run: EngineRun
    next_run: EngineRun
    there: frozenset[str]


@pytest.fixture(scope="module")
def departure(new_checkout: NewCheckout) -> Departure:
    """Deploy, take away, deploy: what is then in the cluster, and what the run after that did."""
    checkout = new_checkout("keeping")
    configure(checkout, late=False)
    lay_out(checkout)
    checkout.up().succeeded()
    assert config_maps(checkout) >= {*LEFT_A_LIVING_APPLICATION, *LEFT_WITH_ITS_APPLICATION}
    take_away(checkout)
    checkout.confirm(checkout.preview().succeeded())  # a whole set goes
    planned = checkout.preview().succeeded()
    run = checkout.up().succeeded()
    there = config_maps(checkout)
    next_run = checkout.up().succeeded()
    return Departure(checkout=checkout, planned=planned, run=run, next_run=next_run, there=there)


def configure(checkout: Checkout, *, late: bool) -> None:
    """A set for each protection an ApplicationSet can give; ``late`` turns on those of one set."""
    policies: dict[str, dict[str, Any]] = {
        "unpruned": {"prune": False},
        "late": {"prune": not late, "preserve": late},
        "preserving": {"preserve": True},
        "finalized": {"preserve": True, "finalizers": [objects.FINALIZER]},
    }
    sets = [
        application_set(
            name,
            path=f"apps/{name}/*",
            namespace=f"{checkout.id}-{name}",
            **policies.get(name, {}),
        )
        for name in SETS
    ]
    checkout.configure(*sets)


def lay_out(checkout: Checkout) -> None:
    """Applications that stay and lose objects, Applications that go, and some for the end."""
    left, gone, end = ([*protected(moment)] for moment in ("left", "gone", "end"))
    group = f"{checkout.id}.example"
    checkout.write("pruning/living", *left, objects.config_map("anchor"))
    checkout.write("pruning/departing", *gone)
    checkout.write("pruning/definer", objects.definition(group, "Kept"))
    kept = objects.thing(f"{group}/v1", "Kept", "instance", spec={})
    checkout.write("pruning/user", kept, objects.thing("v1", "Namespace", "kube-system"))
    checkout.write("pruning/end", *end, objects.definition(group, "Last"))
    for name, moment in (("unpruned", "left"), ("late", "left-as-prune-was-turned-off")):
        maps = objects.config_map(moment), objects.config_map("anchor")
        checkout.write(f"{name}/living", *maps)
    checkout.write("late/departing", objects.config_map("gone-as-preserving-was-turned-on"))
    for name in ("unpruned", "preserving", "finalized", "lonely"):
        checkout.write(f"{name}/departing", objects.config_map("gone"))
    for name in ("unpruned", "preserving", "finalized"):
        checkout.write(f"{name}/end", objects.config_map("end"))


def protected(moment: str) -> Iterable[Body]:
    """A ConfigMap for each protection an object can have."""
    for name, protection in PROTECTIONS.items():
        yield objects.config_map(f"{moment}-{name}", annotations=protection)


def take_away(checkout: Checkout) -> None:
    """One commit: objects leave, Applications leave, and one set's protections are turned on."""
    configure(checkout, late=True)
    for name in ("pruning", "unpruned", "late"):
        checkout.write(f"{name}/living", objects.config_map("anchor"))
    for name in ("pruning/definer", "pruning/user", *(f"{name}/departing" for name in SETS)):
        checkout.remove(name)


def config_maps(checkout: Checkout) -> frozenset[str]:
    """Our ConfigMaps in the cluster, as set and name."""
    return frozenset(
        f"{key.namespace.removeprefix(checkout.id)[1:]}/{key.name}"
        for key in checkout.live.owned(checkout.stack)
        if key.kind == "ConfigMap"
    )


@pytest.mark.parametrize(("name", "stays"), LEFT_A_LIVING_APPLICATION.items())
def test_object_left_a_living_application(departure: Departure, name: str, *, stays: bool) -> None:
    """It is deleted unless Prune=false, prune is off, or Helm keeps it; Delete=false says nothing
    about a prune."""
    assert (name in departure.there) == stays


@pytest.mark.parametrize(("name", "stays"), LEFT_WITH_ITS_APPLICATION.items())
def test_application_left_git(departure: Departure, name: str, *, stays: bool) -> None:
    """Its objects are deleted unless Delete=false, Helm keeps them, or the set preserves them and
    its template has no finalizer; Prune=false and prune off say nothing about a deletion."""
    assert (name in departure.there) == stays


def test_definition_stays_and_its_instance_goes(departure: Departure) -> None:
    """The definition of a removed Application stays, the custom resource of another goes."""
    live, group = departure.checkout.live, f"{departure.checkout.id}.example"
    assert live.find("CustomResourceDefinition", f"kepts.{group}")
    assert not live.find("Kept", "instance", f"{departure.checkout.id}-pruning")


@pytest.mark.parametrize("name", ["{}-lonely", "kube-system"])
def test_namespace_stays(departure: Departure, name: str) -> None:
    """A namespace CreateNamespace made outlives its last Application; the system's own outlives an
    Application that rendered it."""
    assert departure.checkout.live.find("Namespace", name.format(departure.checkout.id))


def test_preview_shows_what_happens(departure: Departure) -> None:
    """What a preview says is deleted, updated and created is what an update does."""
    assert set(departure.planned.changes) == set(departure.run.changes)


def test_runs_after_that_change_nothing(departure: Departure) -> None:
    """The next run forgets what is kept of an Application that has gone, and deletes nothing; the
    one after it has nothing to do."""
    assert departure.next_run.deleted == [
        "ConfigMap {}-late/{}".format(departure.checkout.id, "gone-as-preserving-was-turned-on")
    ]
    assert departure.checkout.up().succeeded().changes == []
    assert config_maps(departure.checkout) == departure.there


def test_application_that_comes_back_finds_its_objects(departure: Departure) -> None:
    """What was kept of an Application belongs to it again when its directory is back."""
    checkout = departure.checkout
    where = f"{checkout.id}-pruning"
    uid = checkout.live.uid("ConfigMap", "gone-delete-false", where)
    checkout.write("pruning/departing", *protected("gone"))
    checkout.twice()
    assert checkout.live.uid("ConfigMap", "gone-delete-false", where) == uid
    checkout.remove("pruning/departing")
    checkout.up().succeeded()
    assert config_maps(checkout) == departure.there


def test_destroy(departure: Departure) -> None:
    """``pulumi destroy`` removes every Application, and keeps what that keeps."""
    checkout = departure.checkout
    checkout.destroy().succeeded()
    there = config_maps(checkout)
    assert {name: name in there for name in DESTROYED} == DESTROYED
    group = f"{checkout.id}.example"
    for definition in (f"kepts.{group}", f"lasts.{group}"):
        assert checkout.live.find("CustomResourceDefinition", definition)
    for namespace in (*(f"{checkout.id}-{name}" for name in SETS), f"{checkout.id}-base"):
        assert checkout.live.find("Namespace", namespace)
    assert not checkout.live.find("ClusterRole", f"{checkout.id}-base-reconciler")
    assert checkout.state() == []
