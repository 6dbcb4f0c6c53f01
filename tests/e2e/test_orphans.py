"""What a killed run created and Git no longer holds is found in the cluster and deleted; what is
protected, or somebody else's, is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.independent import check, same_objects
from tests.e2e.live import CONFIG_MAPS, Body, Key, until

pytestmark = pytest.mark.e2e

PROTECTIONS = {
    "plain": {},
    "prune-false": objects.options("Prune=false"),
    "delete-false": objects.options("Delete=false"),
    "helm-keep": objects.HELM_KEEP,
}


EVERYTHING_MAY_GO = {
    "application": {"percent": 100, "count": 1000},
    "cluster": {"percent": 100, "count": 1000},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """A cluster in which a run was killed; an Application and half of another left Git since."""

    checkout: Checkout
    neighbour: Checkout
    of_neighbour: dict[Key, str]
    bystanders: dict[str, str]
    in_state: list[str]
    while_broken: dict[Key, str]
    planned: EngineRun
    run: EngineRun

    def remains(self, prefix: str) -> set[str]:
        """Which of the protections' ConfigMaps are there."""
        owned = self.checkout.live.owned(self.checkout.stack)
        names = (key.name for key in owned if key.kind == "ConfigMap")
        return {name.removeprefix(f"{prefix}-") for name in names if name.startswith(prefix)}


@pytest.fixture(scope="module")
def aftermath(new_checkout: NewCheckout) -> Aftermath:
    """Deploy, kill a run in the middle, take away, run again."""
    checkout, neighbour = new_checkout("orphans"), new_checkout("neighbour")
    neighbour.configure()
    checkout.configure(pruneGate=EVERYTHING_MAY_GO)
    neighbour.write(f"{checkout.id}/stable", objects.config_map("of-the-neighbour"))
    neighbour.up().succeeded()
    checkout.write("stable", objects.config_map("stable"), objects.service("stable"))
    checkout.up().succeeded()
    bystanders = stand_by(checkout)
    checkout.write("a-doomed", *protected("doomed"))
    checkout.write("many", *protected("dropped"), *objects.config_maps(600))
    checkout.kill_up(lambda: has_created(checkout, "doomed", "dropped"))
    in_state = [str(each["urn"]) for each in checkout.state() if "doomed" in each["urn"]]
    assert checkout.count("many") < 604
    checkout.remove("a-doomed")
    checkout.write("many", *objects.config_maps(60))
    checkout.text("stable", "broken.yaml", "kind: [unclosed\n")
    checkout.up().failed()
    while_broken = checkout.uids()
    (checkout.app("stable") / "broken.yaml").unlink()
    return Aftermath(
        checkout=checkout,
        neighbour=neighbour,
        of_neighbour=neighbour.uids(),
        bystanders=bystanders,
        in_state=in_state,
        while_broken=while_broken,
        planned=checkout.preview().succeeded(),
        run=checkout.up().succeeded(),
    )


def has_created(checkout: Checkout, *prefixes: str) -> bool:
    """Whether the ConfigMaps with every protection are in the cluster."""
    owned = checkout.live.list(CONFIG_MAPS, selector="home-ops/application")
    names = {each["metadata"]["name"] for each in owned}
    return names >= {f"{prefix}-{name}" for prefix in prefixes for name in PROTECTIONS}


def protected(prefix: str) -> Iterable[Body]:
    """A ConfigMap for each protection an object can have."""
    for name, protection in PROTECTIONS.items():
        yield objects.config_map(f"{prefix}-{name}", annotations=protection)


def stand_by(checkout: Checkout) -> dict[str, str]:
    """Objects that carry our marks and are not ours: what a controller made of a Service, and a
    copy somebody made by hand."""
    live, namespace = checkout.live, checkout.namespace
    slices = next(kind for kind in live.kinds() if kind.kind == "EndpointSlice")
    (mirrored,) = until(
        lambda: [
            each
            for each in live.list(slices, selector="home-ops/application")
            if each["metadata"]["namespace"] == namespace
        ],
        "an EndpointSlice with the labels of its Service",
    )
    original = live.find("ConfigMap", "stable", namespace)
    assert original
    marks = {name: original["metadata"][name] for name in ("labels", "annotations")}
    copy = {**objects.config_map("copied-by-hand"), "metadata": {"name": "copied-by-hand", **marks}}
    copied = live.request("POST", CONFIG_MAPS.path(namespace), copy)
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in (mirrored, copied)}


def test_killed_run_left_objects_the_state_does_not_know(aftermath: Aftermath) -> None:
    """The state was not written, so only the cluster can tell; else the rest proves nothing."""
    assert aftermath.in_state == []


def test_no_orphan_is_left(aftermath: Aftermath) -> None:
    """Of the Application that left Git stays what Delete=false and Helm keep; of the one that
    lives, what Prune=false and Helm keep."""
    assert aftermath.remains("doomed") == {"delete-false", "helm-keep"}
    assert aftermath.remains("dropped") == {"prune-false", "helm-keep"}
    namespace = aftermath.checkout.namespace
    names = ("doomed-delete-false", "doomed-helm-keep", "dropped-prune-false", "dropped-helm-keep")
    kept = [Key("", "ConfigMap", namespace, name) for name in names]
    # the copy carries the stack's annotation as well; it is the bystanders' test's
    kept.append(Key("", "ConfigMap", namespace, "copied-by-hand"))
    check(aftermath.checkout, kept=kept)


def test_preview_names_them(aftermath: Aftermath) -> None:
    """A preview says what will be deleted, though the engine knows none of it."""
    where = aftermath.checkout.namespace
    for name in ("doomed-plain", "doomed-prune-false", "dropped-plain", "dropped-delete-false"):
        assert f"ConfigMap {where}/{name} is in the cluster and in no state" in (
            aftermath.planned.output
        )
    assert "doomed-helm-keep" not in aftermath.planned.output


def test_run_with_a_broken_application_deletes_no_orphan(aftermath: Aftermath) -> None:
    """A broken tree may own what looks orphaned, so nothing is deleted until it is whole."""
    names = {key.name for key in aftermath.while_broken}
    assert names >= {f"doomed-{name}" for name in PROTECTIONS}
    assert names >= {f"dropped-{name}" for name in PROTECTIONS}


def test_bystanders_stay(aftermath: Aftermath) -> None:
    """What only carries our marks, copied by a controller or by hand, is nobody's orphan."""
    checkout = aftermath.checkout
    for kind, name in zip(("EndpointSlice", "ConfigMap"), aftermath.bystanders, strict=True):
        uid = checkout.live.uid(kind, name, checkout.namespace)
        assert uid == aftermath.bystanders[name]


def test_other_stack_keeps_its_objects(aftermath: Aftermath) -> None:
    """Another stack with an Application of the same name in the same namespace loses nothing, and
    takes nothing."""
    assert aftermath.neighbour.uids() == aftermath.of_neighbour
    before = aftermath.checkout.uids()
    aftermath.neighbour.up().succeeded()
    assert aftermath.checkout.uids() == before


def test_next_runs_have_nothing_to_delete(aftermath: Aftermath) -> None:
    """The next run drops its record of the deletion, the one after it changes nothing at all."""
    assert aftermath.checkout.up().succeeded().deleted == []
    aftermath.checkout.twice()


def test_killed_while_deleting(checkout: Checkout) -> None:
    """A run killed while it deletes is finished by the next, though the state still holds objects
    that have gone."""
    checkout.configure(pruneGate=EVERYTHING_MAY_GO)
    checkout.write("stays", objects.config_map("stays"))
    checkout.write("many", *objects.config_maps(120))
    checkout.up().succeeded()
    before = checkout.uids()
    checkout.remove("many")
    checkout.kill_up(lambda: checkout.count("many") < 110)
    assert checkout.count("many") > 0
    checkout.twice()
    same_objects(before, check(checkout))


def test_lost_state(checkout: Checkout) -> None:
    """Without any state the next run adopts what Git holds and deletes what it does not."""
    checkout.write("stays", objects.config_map("stays"), objects.claim("data"))
    checkout.write("goes", objects.config_map("goes"))
    checkout.up().succeeded()
    before = checkout.uids()
    checkout.lose_state()
    checkout.remove("goes")
    checkout.up().succeeded()
    same_objects(before, check(checkout))
