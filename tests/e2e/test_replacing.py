"""A change that cannot be made in place is refused, unless the object itself permits a new one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.live import CONFIG_MAPS, Body, Key, Live, until

pytestmark = pytest.mark.e2e

REPLACE = objects.options("Replace=true")
FORCE = objects.options("Force=true")
CONFIRMED = {**REPLACE, "home-ops/confirm": "replace"}


def deployment(name: str, app: str, annotations: Mapping[str, str]) -> Body:
    """A Deployment whose selector, which cannot be changed, follows ``app``."""
    found = objects.deployment(name, app=app)
    return {**found, "metadata": {**found["metadata"], "annotations": dict(annotations)}}


def claim(name: str, version: str, annotations: Mapping[str, str]) -> Body:
    """A claim whose storage class, which cannot be changed, follows the version."""
    return objects.claim(name, storage_class=version, annotations=annotations)


def stateful_set(name: str, version: str, annotations: Mapping[str, str]) -> Body:
    """A StatefulSet whose service, which cannot be changed, follows the version."""
    return objects.stateful_set(name, service=version, annotations=annotations)


REFUSED: Mapping[str, tuple[Any, Mapping[str, str], str]] = {
    "deployment": (deployment, {}, "spec.selector"),
    "claim": (claim, REPLACE, "spec.storageClassName"),
    "stateful-set": (stateful_set, FORCE, "spec.serviceName"),
}
PERMITTED: Mapping[str, tuple[Any, Mapping[str, str], str]] = {
    "deployment-replaced": (deployment, REPLACE, "Deployment"),
    "deployment-forced": (deployment, FORCE, "Deployment"),
    "claim-confirmed": (claim, CONFIRMED, "PersistentVolumeClaim"),
    "stateful-set-confirmed": (stateful_set, CONFIRMED, "StatefulSet"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A tree before and after every object changed a field that cannot be changed."""

    checkout: Checkout
    before: Mapping[Key, str]
    planned: EngineRun
    run: EngineRun
    after: Mapping[Key, str]

    def is_same(self, name: str) -> bool:
        """Whether an object is the one it was; it must be there."""
        return all(self.after[key] == uid for key, uid in self.before.items() if key.name == name)


@pytest.fixture(scope="module")
def change(new_checkout: NewCheckout) -> Change:
    """Deploy, change, deploy."""
    checkout = new_checkout("replacing")
    lay_out(checkout, version="first")
    checkout.up().succeeded()
    before = checkout.uids()
    lay_out(checkout, version="second")
    planned = checkout.preview().failed()
    run = checkout.up().failed()
    return Change(checkout=checkout, before=before, planned=planned, run=run, after=checkout.uids())


def lay_out(checkout: Checkout, *, version: str) -> None:
    """An Application for each object."""
    for name, (make, permission, _) in {**REFUSED, **PERMITTED}.items():
        checkout.write(name, make(name, version, permission))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(change: Change, name: str) -> None:
    """Without permission, or for what holds data without confirmation, the Application is broken:
    its object stays, and the field and the way out are named."""
    assert change.is_same(name)
    for run in (change.planned, change.run):
        (message,) = run.messages(f"{change.checkout.id}/{name}")
        assert f"{REFUSED[name][2]} cannot be changed in place" in message
        assert "Replace=true" in message


@pytest.mark.parametrize("name", PERMITTED)
def test_replaced(change: Change, name: str) -> None:
    """With permission the object is deleted and created again, though others are refused."""
    step = f"{PERMITTED[name][2]} {change.checkout.namespace}/{name}"
    assert step in change.planned.replaced
    assert step in change.run.replaced
    assert not change.is_same(name)


def test_permission_alone_replaces_nothing(change: Change) -> None:
    """With the fields put back where they were refused, the next runs have nothing to replace,
    however many objects permit it."""
    for name, (make, permission, _) in REFUSED.items():
        change.checkout.write(name, make(name, "first", permission))
    run = change.checkout.twice()
    assert run.replaced == []
    assert change.checkout.uids() == change.after


def test_replacement_waits_until_the_object_is_gone(checkout: Checkout) -> None:
    """An object whose deletion takes its time, here for a finalizer, is created again after that,
    not refused for the field that could not be changed; and a destroy is none the wiser."""
    frozen = objects.config_map("frozen", annotations=REPLACE, immutable=True)
    checkout.write("app", frozen)
    checkout.up().succeeded()
    uid = checkout.live.uid("ConfigMap", "frozen", checkout.namespace)
    path = CONFIG_MAPS.path(checkout.namespace, "frozen")
    checkout.live.request("PATCH", path, {"metadata": {"finalizers": ["e2e.example/hold"]}})
    checkout.write("app", {**frozen, "data": {"value": "2"}})
    with ThreadPoolExecutor() as pool:
        released = pool.submit(let_go, Path(checkout.environment["KUBECONFIG"]), path)
        run = checkout.up()
        assert released.result() == uid
    assert run.succeeded().replaced == [f"ConfigMap {checkout.namespace}/frozen"]
    found = checkout.live.get(path)
    assert found and found["data"] == {"value": "2"}
    checkout.destroy().succeeded()
    assert checkout.live.get(path) is None


def let_go(kubeconfig: Path, path: str) -> str:
    """Remove the finalizers of an object a second after its deletion began; answers its uid."""
    with closing(Live(kubeconfig)) as live:

        def going() -> Body:
            found = live.request("GET", path)
            return found if "deletionTimestamp" in found["metadata"] else {}

        found = until(going, "the deletion of the object")
        time.sleep(1)
        live.request("PATCH", path, {"metadata": {"finalizers": None}})
        return str(found["metadata"]["uid"])
