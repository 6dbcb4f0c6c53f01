"""A pass that changes some Applications gives the engine what it is about, and keeps the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.objects import config_map
from tests.e2e.reconciling import Reconciling

pytestmark = pytest.mark.e2e


def history(checkout: Checkout, kind: str) -> int:
    """How many files of a kind the stack's history has."""
    return len(list(own(checkout).glob(f"history/home-ops/{checkout.stack}/*.{kind}.json*")))


def own(checkout: Checkout) -> Path:
    return Path(urlsplit(checkout.environment["PULUMI_BACKEND_URL"]).path) / ".pulumi"


def test_a_part_of_the_state(checkout: Checkout) -> None:
    """One of two Applications is edited, given an object and robbed of one: the engine's history
    has the run and no copy of a whole state, the other's resources stay in the state as they were,
    and a whole `pulumi up` finds nothing to do. Where the state is locked nothing is done; where it
    is compressed the engine works on all of it."""
    checkout.configure(source={"repoURL": str(checkout.root)})
    passes = Reconciling(checkout)
    checkout.write("one", config_map("a", "1"), config_map("gone", "1"))
    checkout.write("two", config_map("b", "1"))
    passes.commit()
    passes.once().expect(runs=1)
    runs, copies = history(checkout, "history"), history(checkout, "checkpoint")
    others = [each for each in checkout.state() if each["urn"].endswith("/b")]

    checkout.write("one", config_map("a", "2"), config_map("new", "1"))
    passes.commit()
    assert not passes.once().expect(runs=1).report["engine"]["full"]
    assert history(checkout, "history") == runs + 1
    assert history(checkout, "checkpoint") == copies
    listed = checkout.pulumi("stack", "history", "--json").succeeded().output
    assert json.loads(listed)[0]["resourceChanges"]["create"] == 1
    assert [each for each in checkout.state() if each["urn"].endswith("/b")] == others
    names = {each["urn"].rpartition("/")[2] for each in checkout.state()}
    assert {"a", "new", "b"} <= names
    assert "gone" not in names
    versions = checkout.versions()
    assert checkout.up().succeeded().changes == []
    assert checkout.versions() == versions

    lock = own(checkout) / "locks/organization/home-ops" / checkout.stack / "theirs.json"
    lock.write_text(
        json.dumps(
            {
                "pid": os.getpid(),
                "username": "ada",
                "hostname": "desk",
                "timestamp": "2026-01-01T00:00:00Z",
            }
        )
    )
    checkout.write("one", config_map("a", "3"), config_map("new", "1"))
    passes.commit()
    assert "created by ada@desk" in passes.once().expect(1).errors
    assert own(checkout).joinpath("stacks/home-ops", f"{checkout.stack}.json").exists()
    lock.unlink()

    checkout.environment = {**checkout.environment, "PULUMI_DIY_BACKEND_GZIP": "true"}
    checkout.write("one", config_map("a", "4"), config_map("new", "1"))
    passes.commit()
    passes.once().expect(runs=1)
    assert history(checkout, "checkpoint") > copies
    passes.once().expect(runs=0)
