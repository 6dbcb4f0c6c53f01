"""After each of a hundred commits the cluster is what Git says, and what policy preserves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from reconciler.passes.reconcile import Options, Reconciler
from reconciler.passes.report import Report
from tests.e2e.checkout import Checkout
from tests.e2e.reconciling import Reconciling
from tests.long.agreement import Expected, cluster_is, no_lock, records_are, state_is
from tests.long.seeds import count, seeded
from tests.long.tree import Tree

pytestmark = [pytest.mark.e2e, pytest.mark.long]

# Nothing in such a tree is meant to be confirmed by a person.
NO_GATE = {"application": {"atLeast": 100000, "count": 100000}}
MOST_PASSES = 6


def configure(checkout: Checkout) -> None:
    """A stack that follows the checkout's own repository."""
    gate = {**NO_GATE, "cluster": NO_GATE["application"]}
    checkout.configure(source={"repoURL": str(checkout.root)}, pruneGate=gate)


def settle(once: Callable[[], Report], tree: Tree) -> list[object]:
    """Passes until nothing is left to do; what each before the last had left."""
    unsettled: list[object] = []
    while len(unsettled) < MOST_PASSES:
        report = once()
        assert not report.held
        drifting = [a for a in report.applications if a.comparison.drifts and not a.failed]
        left = [a.name for a in drifting if not (tree.broken and a.comparison.only_prune)]
        failed = [a.failed for a in report.applications if a.synced and a.failed]
        if not report.errors and not left and not failed and report.commit == tree.head:
            return unsettled
        unsettled.append((report.errors, left, failed, report.warnings))
        if report.next is not None:
            time.sleep(max(0.0, (report.next - datetime.now(UTC)).total_seconds()))
    raise AssertionError(unsettled)


def test_a_hundred_commits(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Applications are added, edited, moved, deleted, broken, repaired and reverted: each time the
    cluster equals an independent render, and the state and the records know just that."""
    chance = seeded("a hundred commits", capsys)
    configure(checkout)
    for name, value in checkout.environment.items():
        monkeypatch.setenv(name, value)
    tree = Tree(Reconciling(checkout), chance)
    expected = Expected(tree)
    with Reconciler(Options(stack=checkout.stack, folder=checkout.root)) as reconciler:
        for number in range(count("COMMITS", 100)):
            said = tree.change() if number else "begin"
            began = time.monotonic()
            unsettled = settle(reconciler.run, tree)
            with capsys.disabled():
                seconds = time.monotonic() - began
                print(f"{number:3} {seconds:5.1f} s {said}", *unsettled, sep="\n    ", flush=True)
            uids = cluster_is(checkout, expected.objects())
            state_is(checkout, uids)
            records_are(tree.passes, tree, expected.waiting)
            no_lock(checkout)
