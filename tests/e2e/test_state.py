"""Pulumi's state can be saved, put back, and lost: nothing in the cluster is the worse for it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.objects import config_map, definition, thing
from tests.e2e.reconciling import Reconciling
from tests.e2e.test_shards import a_pass, gitops, stack

pytestmark = pytest.mark.e2e

SECRET = "not for the eyes of others"


def passed(checkout: Checkout) -> None:
    """A pass of both shards that ends well, and one that finds nothing to do."""
    for runs in (None, 0):
        for shard in ("0", "1"):
            a_pass(checkout, "--shard", shard, runs=runs)


def test_backup_and_loss(checkout: Checkout, tmp_path: Path) -> None:
    """An older backup put back, and states lost altogether, definitions and shards among them: the
    next passes take over what is there, with the same uids and versions, and remove what Git gave
    up in between. A backup is its owner's alone, and shows no Secret."""
    checkout.configure(
        source={"repoURL": str(checkout.root)},
        shards={"count": 2},
        definitions={"separate": True},
    )
    passes = Reconciling(checkout)
    checkout.write("kinds", definition(f"{checkout.id}.example", "Widget"))
    checkout.write("goes", config_map("goes"))
    for number in range(4):
        secret = thing("v1", "Secret", f"s-{number}", stringData={"password": SECRET})
        checkout.write(f"app-{number}", config_map(f"a-{number}"), secret)
    passes.commit()
    passed(checkout)

    file = tmp_path / "backup.json"
    told = gitops(checkout, "state", "backup", str(file))
    stacks = {checkout.stack, stack(checkout, 1), f"{checkout.stack}-definitions"}
    assert {line.partition(":")[0] for line in told.splitlines()} == stacks
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET not in file.read_text()
    gitops(checkout, "state", "backup", str(file), code=1)  # no file is overwritten
    assert json.loads(file.read_text())["states"].keys() == stacks

    checkout.remove("goes")
    checkout.write("came", config_map("came"))
    checkout.write("app-0", config_map("a-0", "changed"), config_map("more"))
    passes.commit()
    passed(checkout)
    versions = checkout.versions()

    gitops(checkout, "state", "restore", "--yes", str(file))
    passed(checkout)
    assert checkout.versions() == versions
    checkout.remove("came")
    passes.commit()
    passed(checkout)
    rest = {key: each for key, each in versions.items() if key.name != "came"}
    assert checkout.versions() == rest

    checkout.lose_state()
    gitops(checkout, "up", "--yes")
    assert {k: v for k, v in checkout.uids().items() if k in rest} == checkout.uids()
    assert checkout.versions() == rest
    passed(checkout)
