"""Hooks around the deletion of an Application run in one plain ``pulumi up``."""

from __future__ import annotations

import secrets

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.hooks import hook, in_wave, job, jobs, meanwhile, ran, value
from tests.e2e.live import CONFIG_MAPS, Body, until

pytestmark = pytest.mark.e2e

PASSWORD = secrets.token_hex(12)


def test_deletion(checkout: Checkout) -> None:
    """An Application that left Git is deleted between its PreDelete and PostDelete hooks, which the
    state knows, in one run; one that is killed meanwhile is gone on with. Nothing secret of a hook
    is in the state as it is."""
    checkout.write("one", *_deleted_with_hooks())
    checkout.write("two", objects.config_map("two"))
    checkout.twice()
    assert sorted(jobs(checkout)) == ["installed"]
    assert PASSWORD not in checkout.state_text()

    checkout.text("one", "broken.yaml", "kind: [unclosed\n")
    broken = checkout.up().failed()
    assert broken.changes == []
    assert PASSWORD not in checkout.state_text()

    checkout.remove("one")
    planned = checkout.preview().succeeded()
    assert f"create home-ops:index:Deletion e2e-{checkout.id}-one" in planned.changes
    assert sorted(jobs(checkout)) == ["installed"]
    checkout.kill_up(lambda: _is_going(checkout, "held"))
    assert "goodbye" not in jobs(checkout)
    assert value(checkout, "first") == "1"
    assert "backup" in jobs(checkout)

    run = meanwhile(checkout, lambda: _release(checkout, "held")).succeeded()
    assert ran(run) == ["goodbye"]
    assert [value(checkout, name) for name in ("first", "held", "kept")] == [None, None, "1"]
    assert sorted(jobs(checkout)) == ["goodbye"]
    assert checkout.live.find("Secret", "key", checkout.namespace) is None
    checkout.twice()
    assert sorted(jobs(checkout)) == ["goodbye"]


def test_failing_deletion(checkout: Checkout) -> None:
    """While a PreDelete hook fails nothing of its Application is deleted, whoever else is synced;
    brought back and repaired it can be deleted, and `pulumi destroy` needs none of its hooks."""

    def write(*, fails: bool) -> None:
        backup = job("backup", hook("PreDelete"), fails=fails)
        checkout.write("one", objects.config_map("one"), backup)

    write(fails=True)
    checkout.up().succeeded()
    checkout.remove("one")
    checkout.write("two", objects.config_map("two"))
    failed = f"PreDelete hook Job.batch {checkout.namespace}/backup failed after"
    for _ in range(2):  # it is tried in every run
        assert failed in checkout.up().failed().output
        assert (value(checkout, "one"), value(checkout, "two")) == ("1", "1")
    write(fails=False)
    checkout.up().succeeded()
    checkout.remove("one")
    assert ran(checkout.up().succeeded()) == ["backup"]
    assert value(checkout, "one") is None
    assert jobs(checkout) == {}
    write(fails=True)
    checkout.up().succeeded()
    checkout.destroy().succeeded()
    assert value(checkout, "one") is None


def _deleted_with_hooks() -> list[Body]:
    """An Application that somebody else holds on to, with hooks for when it is deleted."""
    held = objects.config_map("held", annotations=in_wave(1))
    held["metadata"]["finalizers"] = ["home-ops.local/hold"]
    first = hook("PreDelete", wave=-1)
    return [
        objects.config_map("first"),
        held,
        objects.config_map("kept", annotations=objects.options("Delete=false")),
        job("installed", hook("PreSync")),
        objects.thing("v1", "Secret", "key", annotations=first, stringData={"k": PASSWORD}),
        job("backup", hook("PreDelete", "HookSucceeded")),
        job("goodbye", hook("PostDelete")),
    ]


def _is_going(checkout: Checkout, name: str) -> bool:
    found = checkout.live.request("GET", CONFIG_MAPS.path(checkout.namespace, name), missing=True)
    return "deletionTimestamp" in found.get("metadata", {})


def _release(checkout: Checkout, name: str) -> None:
    until(lambda: _is_going(checkout, name), "a deletion", seconds=60)
    path = CONFIG_MAPS.path(checkout.namespace, name)
    checkout.live.request("PATCH", path, {"metadata": {"finalizers": None}})
