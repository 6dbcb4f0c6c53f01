"""What must be confirmed before it is deleted?

One tree meets every reason of the prune gate in one commit: the Applications concerned stay exactly
as they are, all others are synced, and each way to confirm lets exactly one deletion through
(docs/adr/0009).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.independent import check
from tests.e2e.live import Body, Key, until

pytestmark = pytest.mark.e2e

NO_DELETION = "prune-0000000000000000"
LIMITS = {"application": {"count": 8}, "cluster": {"percent": 100}}
POSTGRESQL = "postgresql.cnpg.io"

# Application and the reason it is stopped for; all are of the category named like the checkout
# unless it says otherwise.
STOPPED = {
    "share": "ApplicationShare: it would lose 5 of 6 objects, more than 50 %",
    "count": "ApplicationShare: it would lose 9 of 20 objects, more than 8",
    "claim": "Stateful: the volume's data would go with PersistentVolumeClaim",
    "volume": "Stateful: the volume's data would go with PersistentVolume",
    "workload": "Stateful: a stateful workload would go with StatefulSet.apps",
    "rendered-namespace": "Stateful: everything in the namespace would go with Namespace",
    "definition": "Stateful: all objects of that kind would go with CustomResourceDefinition",
    "database": f"Stateful: a database and its data would go with Cluster.{POSTGRESQL}",
    "departed-data": "Stateful: the volume's data would go with PersistentVolumeClaim",
    "asks": "Confirm: confirmation is wanted for ConfigMap",
    "departed-asks": "Confirm: confirmation is wanted for ConfigMap",
    "moved": "Moved: it changes the namespace of ConfigMap",
    "strict/empty": "Empty: it renders to nothing without allowEmpty",
    "whole/one": "WholeSet: every Application of the set whole is gone",
    "whole/two": "WholeSet: every Application of the set whole is gone",
    "retargeted/app": "Moved: it changes the namespace of ConfigMap",
    "asking/app": "Confirm: confirmation is wanted for ConfigMap",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """The commit that would delete all of it, planned, run, and run again."""

    checkout: Checkout
    before: dict[Any, Any]
    planned: EngineRun
    run: EngineRun
    again: EngineRun
    after: dict[Any, Any]

    def of(self, name: str, versions: dict[Any, Any]) -> dict[Any, Any]:
        """The versions of the objects whose names say that they belong to an Application."""
        prefix = name.replace("/", "-")
        group = f"{self.checkout.id}.example"
        mine = (prefix, f"{self.checkout.id}-{prefix}", f"{prefix}s.{group}")
        return {key: each for key, each in versions.items() if key.name.startswith(mine)}

    def application(self, name: str) -> str:
        """The full name of an Application."""
        category, _, app = name.rpartition("/")
        return f"e2e-{category or self.checkout.id}-{app}"

    def token(self, name: str, run: EngineRun | None = None) -> str:
        """The token a run printed for an Application."""
        output = (run or self.run).output
        # the engine prints the first line twice, and the whole text where it sums up
        text = output.rpartition(f"{self.application(name)}: the prune gate keeps")[2]
        found = re.search(r"--confirm (prune-[0-9a-f]{16})", text)
        assert found, output
        return found[1]


@pytest.fixture(scope="module")
def gated(new_checkout: NewCheckout) -> Gated:
    """Deploy, let everything go in one commit, plan and run that twice."""
    checkout = new_checkout("gate")
    configure(checkout, late=False)
    lay_out(checkout)
    checkout.up().succeeded()
    before = checkout.versions()
    configure(checkout, late=True, confirm=[NO_DELETION])
    take_away(checkout)
    return Gated(
        checkout=checkout,
        before=before,
        planned=checkout.preview().succeeded(),
        run=checkout.up().succeeded(),
        again=checkout.up().succeeded(),
        after=checkout.versions(),
    )


def configure(checkout: Checkout, *, late: bool, confirm: Any = (), whole: str = "") -> None:
    """The sets; ``late`` changes the glob of one and the destination of another, ``whole`` is the
    annotation of a third."""
    names = {name: f"{checkout.id}-{name}" for name in ("strict", "whole", "asking", "elsewhere")}
    sets = {
        "main": application_set("main", path=f"apps/{checkout.id}/*"),
        **{
            name: application_set(name, path=f"apps/{name}/*", namespace=namespace)
            for name, namespace in names.items()
        },
        "retargeted": application_set(
            "retargeted",
            path="apps/retargeted/*",
            namespace=f"{checkout.id}-{'target' if late else 'source'}",
        ),
    }
    strict = sets["strict"]["template"]["spec"]["syncPolicy"]
    strict["automated"] = {"prune": True, "allowEmpty": False}
    sets["asking"]["template"]["spec"]["syncPolicy"]["syncOptions"].append("Delete=confirm")
    if late:
        path = sets["whole"]["generators"][0]["git"]["directories"][0]
        path["path"] = "apps/wholes/*"
    if whole:
        sets["whole"]["template"]["metadata"]["annotations"] = {"home-ops/confirm": whole}
    checkout.configure(*sets.values(), pruneGate=LIMITS, confirm=confirm or [])


def lay_out(checkout: Checkout) -> None:
    """An Application for each reason, and some the gate has nothing to say about."""
    for name, doomed in doomed_objects(checkout).items():
        checkout.write(name, *doomed, *staying(name))
    checkout.write("postgresql", objects.definition(POSTGRESQL, "Cluster"))
    checkout.write("small", *objects.config_maps(4, "small"), objects.deployment("small"))
    checkout.write("edited", objects.config_map("edited"), objects.config_map("edited-dropped"))


def doomed_objects(checkout: Checkout) -> dict[str, list[Body]]:
    """What each Application loses."""
    path = {"hostPath": {"path": "/nowhere"}}
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, **path}
    volume = f"{checkout.id}-volume"
    return {
        "share": objects.config_maps(5, "share"),
        "count": objects.config_maps(9, "count"),
        "claim": [objects.claim("claim")],
        "volume": [objects.thing("v1", "PersistentVolume", volume, spec=spec)],
        "workload": [objects.stateful_set("workload", service="workload")],
        "rendered-namespace": [
            objects.thing("v1", "Namespace", f"{checkout.id}-rendered-namespace")
        ],
        "definition": [objects.definition(f"{checkout.id}.example", "Definition")],
        "database": [objects.thing(f"{POSTGRESQL}/v1", "Cluster", "database", spec={})],
        "departed-data": [objects.config_map("departed-data"), objects.claim("departed-data")],
        "asks": [objects.config_map("asks-first", annotations=objects.options("Prune=confirm"))],
        "departed-asks": [
            objects.config_map("departed-asks", annotations=objects.options("Delete=confirm"))
        ],
        "moved": [objects.config_map("moved")],
        "strict/empty": [objects.config_map("strict-empty")],
        "whole/one": [objects.config_map("whole-one")],
        "whole/two": [objects.config_map("whole-two")],
        "retargeted/app": [objects.config_map("retargeted-app")],
        "asking/app": [objects.config_map("asking-app")],
    }


def staying(name: str, data: str = "1") -> list[Body]:
    """What an Application goes on to have."""
    count = {"share": 1, "count": 11}.get(name, 1)
    if name in ("moved", "strict/empty", "retargeted/app") or name.startswith("departed"):
        return []
    prefix = name.replace("/", "-")
    return [objects.config_map(f"{prefix}-stays-{n}", data) for n in range(count)]


def take_away(checkout: Checkout) -> None:
    """One commit; what stays of each Application is edited in it."""
    for name in doomed_objects(checkout):
        if staying(name):
            checkout.write(name, *staying(name, data="2"))
    for name in ("departed-data", "departed-asks", "asking/app", "small"):
        checkout.remove(name)
    checkout.text("strict/empty", "objects.yaml", "# nothing\n")
    elsewhere = checkout.root / "apps" / "elsewhere"
    elsewhere.mkdir()
    checkout.app("moved").rename(elsewhere / "moved")
    checkout.write("edited", objects.config_map("edited", "2"))


def follow(checkout: Checkout) -> dict[str, str]:
    """The namespaces of the categories that are not named like theirs."""
    names = ("strict", "whole", "asking", "elsewhere")
    return {**{n: f"{checkout.id}-{n}" for n in names}, "retargeted": f"{checkout.id}-target"}


@contextmanager
def confirmed(checkout: Checkout, token: str) -> Iterator[None]:
    """For a while the environment confirms a deletion."""
    environment = checkout.environment
    checkout.environment = {**environment, "HOME_OPS_CONFIRM": token}
    yield
    checkout.environment = environment


@pytest.mark.parametrize(("name", "reason"), STOPPED.items())
def test_stopped(gated: Gated, name: str, reason: str) -> None:
    """Whatever would be lost, the preview and the run name the Application, the reason and the way
    to confirm, and not one of its objects is touched."""
    for run in (gated.planned, gated.run, gated.again):
        _, found, text = run.output.rpartition(f"{gated.application(name)}: the prune gate keeps")
        assert found, run.output
        told = text.partition("gitops up --confirm")[0]
        assert reason in told
    before = gated.of(name, gated.before)
    assert before and gated.of(name, gated.after) == before


def test_others_continue(gated: Gated) -> None:
    """A small Application that left Git is gone, and the others lose and get what Git says."""
    live, namespace = gated.checkout.live, gated.checkout.namespace
    assert gated.of("small", gated.before) and not gated.of("small", gated.after)
    assert not live.find("ConfigMap", "edited-dropped", namespace)
    edited = live.find("ConfigMap", "edited", namespace)
    assert edited and edited["data"] == {"value": "2"}


def test_a_move_is_shown_side_by_side_and_not_begun(gated: Gated) -> None:
    """Old and new stand in one line, and nothing is made in the new place before the old may go."""
    identity = gated.checkout.id
    for old, new, name in (
        (identity, f"{identity}-elsewhere", "moved"),
        (f"{identity}-source", f"{identity}-target", "retargeted-app"),
    ):
        assert f"- ConfigMap {old}/{name} -> {new}/{name}" in gated.run.output
        assert not gated.checkout.live.find("ConfigMap", name, new)
    assert "e2e-elsewhere-moved would get some of them and is not made" in gated.run.output


def test_again_nothing_changes(gated: Gated) -> None:
    """A stopped deletion is no change that the engine sees; a token of no deletion is named."""
    assert gated.again.changes == []
    assert f"{NO_DELETION} confirms nothing now" in gated.run.output
    assert set(gated.planned.changes) == set(gated.run.changes)


def test_gitops_up_ends_with_what_is_stopped(gated: Gated) -> None:
    """After the table: the Application, what is kept of it, and the command that confirms it."""
    checkout = gated.checkout
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.cli", "up", "--yes", "--stack", checkout.stack],
        cwd=checkout.root,
        env=dict(checkout.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, _, end = done.stdout.partition(" objects in the cluster; ")
    assert (
        f"{gated.application('claim')}: stopped by the prune gate, which keeps "
        f"PersistentVolumeClaim {checkout.namespace}/claim; put back into Git, or "
        f"`gitops up --confirm {gated.token('claim')}`\n"
    ) in end
    assert end.count("stopped by the prune gate") == len(STOPPED)


def test_confirmed_by_the_environment(gated: Gated) -> None:
    """The token lets that one Application's deletion happen, and its other changes with it."""
    checkout = gated.checkout
    with confirmed(checkout, gated.token("claim")):
        run = checkout.up().succeeded()
    assert run.deleted == [f"PersistentVolumeClaim {checkout.namespace}/claim"]
    until(lambda: not checkout.live.find("PersistentVolumeClaim", "claim", checkout.namespace), "?")
    found = checkout.live.find("ConfigMap", "claim-stays-0", checkout.namespace)
    assert found and found["data"] == {"value": "2"}
    assert gated.of("share", checkout.versions()) == gated.of("share", gated.before)


def test_confirmed_in_the_application_s_own_file(gated: Gated) -> None:
    """A token in ``.home-ops.yaml`` goes with the commit it is about; there, too, only a token is
    accepted."""
    checkout = gated.checkout
    checkout.text("share", ".home-ops.yaml", f"confirm: [{gated.token('share')}]\n")
    run = checkout.twice()
    assert len(run.deleted) == 5 and all("ConfigMap" in each for each in run.deleted)
    assert sorted(key.name for key in gated.of("share", checkout.versions())) == ["share-stays-0"]
    checkout.text("share", ".home-ops.yaml", "confirm: ['yes']\n")
    checkout.up().failed()
    (checkout.app("share") / ".home-ops.yaml").unlink()


def test_confirmed_by_an_annotation(gated: Gated) -> None:
    """The annotation of a set's template confirms what its Applications lose, departed ones too;
    the confirmation of one is none for another."""
    checkout = gated.checkout
    configure(checkout, late=True, whole=gated.token("whole/one"))
    run = checkout.twice()
    assert len(run.deleted) == 2 and all("/whole-one" in each for each in run.deleted)
    assert gated.of("whole-two", checkout.versions()) == gated.of("whole-two", gated.before)


def test_confirmed_by_the_config(gated: Gated) -> None:
    """The token of all that is left lets all of it go, in the cluster and not only in the state,
    objects with Delete=confirm among it; after that the cluster is what Git says."""
    checkout = gated.checkout
    shown = checkout.preview().succeeded().output
    together = re.search(r"the prune gate: (prune-[0-9a-f]{16}) confirms all of", shown)
    assert together, shown
    configure(checkout, late=True, confirm=together[1])
    shutil.rmtree(checkout.root / "apps" / "whole")  # its set looks elsewhere since
    checkout.up().succeeded()
    until(lambda: kept_by_nobody(checkout) == set(), "what was confirmed to be gone")
    assert checkout.up().succeeded().deleted == []
    checkout.twice()
    check(checkout, namespaces=follow(checkout))
    for name in ("moved", "retargeted-app"):
        assert not checkout.live.find("ConfigMap", name, checkout.namespace)


def kept_by_nobody(checkout: Checkout) -> set[Key]:
    """What is in the cluster and in no Application's directory."""
    names = {"departed-data", "departed-asks", "asking-app", "whole-two", "strict-empty"}
    return {key for key in checkout.live.owned(checkout.stack) if key.name in names}


def test_share_of_the_cluster(checkout: Checkout) -> None:
    """Many Applications leave at once and each by itself would pass: all are stopped. An
    Application that is broken in the same run changes nothing about that."""
    checkout.configure(pruneGate={"cluster": {"atLeast": 10, "percent": 30}})
    for name in ("a", "b", "c", "d"):
        checkout.write(name, *objects.config_maps(3, name))
    checkout.up().succeeded()
    before = checkout.uids()
    for name in ("a", "b"):
        checkout.remove(name)
    run = checkout.twice()
    assert "ClusterShare: all Applications together would lose 6 of 12 objects" in run.output
    assert checkout.uids() == before
    checkout.text("d", "broken.yaml", "kind: [unclosed\n")
    assert "ClusterShare" in checkout.up().failed().output
    assert checkout.uids() == before
    (checkout.app("d") / "broken.yaml").unlink()
    token = re.search(r"the prune gate: (prune-\w+) confirms all of", run.output)
    assert token
    with confirmed(checkout, token[1]):
        assert len(checkout.up().succeeded().deleted) == 6
    assert len(check(checkout)) == 6
