"""Passes are killed again and again, in whole and in part, while commits arrive: whatever is left,
the next passes bring the cluster to what Git says, and nothing is lost, doubled or unowned."""

from __future__ import annotations

import time

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.reconciling import PassRun, Reconciling
from tests.long.agreement import Expected, cluster_is, no_lock, records_are, state_is
from tests.long.killing import WAYS, kill_a_pass
from tests.long.seeds import count, seeded
from tests.long.test_day_in_the_life import configure
from tests.long.tree import Tree

pytestmark = [pytest.mark.e2e, pytest.mark.long]

MOST_IN_A_ROW = 4
MOST_PASSES = 10
RETRY_SECONDS = 5.0


def converge(tree: Tree) -> PassRun:
    """Passes until nothing is left to do."""
    for _ in range(MOST_PASSES):
        done = tree.passes.once()
        report = done.report
        at_work = [a for a in report["applications"] if a["decision"]["action"] in ("Sync", "Wait")]
        if report["commit"] == tree.head and not report["errors"] and not at_work:
            return done
        if any(a["decision"]["action"] == "Wait" for a in at_work):
            time.sleep(RETRY_SECONDS)
    raise AssertionError((done.exit_code, done.errors, report))


def test_killed_at_any_moment(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """At least fifty kills: of the process, of everything it has started, of the engine alone, of
    the provider alone, at any moment of a pass."""
    chance = seeded("killed passes", capsys)
    configure(checkout)
    tree = Tree(Reconciling(checkout), chance, breaks=False)
    expected = Expected(tree)
    began = time.monotonic()
    converge(tree)
    within = (time.monotonic() - began) / 2
    uids = cluster_is(checkout, expected.objects())
    kills, most = 0, count("KILLS", 50)
    while kills < most:
        told = []
        stays = dict(uids)
        for _ in range(chance.randint(1, MOST_IN_A_ROW)):
            said = tree.change()
            stays = {key: stays[key] for key in expected.objects() if key in stays}
            killed = kill_a_pass(checkout, chance, chance.choice(WAYS), within)
            within *= 1.1 if killed else 0.6  # some are to be over before they are killed
            kills += bool(killed)
            told.append(f"{said}: {killed or 'not killed'}")
        began = time.monotonic()
        converge(tree)
        with capsys.disabled():
            seconds = time.monotonic() - began
            print(f"{kills:3} kills, {seconds:4.1f} s; {'; '.join(told)}", flush=True)
        uids = cluster_is(checkout, expected.objects())
        assert {key: uids[key] for key in stays} == stays, "made anew"
        state_is(checkout, uids)
        no_lock(checkout)
        records_are(tree.passes, tree)
