"""A loop that has nothing to do stays as small as it began."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pytest

from reconciler.passes.reconcile import Options, Reconciler
from tests.e2e.checkout import Checkout
from tests.e2e.objects import config_maps
from tests.e2e.reconciling import Reconciling
from tests.long.seeds import count

pytestmark = [pytest.mark.e2e, pytest.mark.long]

WARM_UP = 15
MOST_BYTES_PER_PASS = 50_000


def test_memory_does_not_grow(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty passes over 200 objects leave no memory, no thread, no open file behind."""
    checkout.configure(source={"repoURL": str(checkout.root)})
    for number in range(10):
        checkout.write(f"app-{number}", *config_maps(20, prefix=f"item-{number}"))
    passes = Reconciling(checkout)
    passes.commit()
    for name, value in checkout.environment.items():
        monkeypatch.setenv(name, value)
    with Reconciler(Options(stack=checkout.stack, folder=checkout.root)) as reconciler:
        assert reconciler.run().runs
        for _ in range(WARM_UP):
            assert not reconciler.run().runs
        before = used()
        most = count("PASSES", 50)
        for _ in range(most):
            report = reconciler.run()
            assert not report.runs and not report.errors
        after = used()
    assert after[1:] == before[1:]
    assert (after[0] - before[0]) / most < MOST_BYTES_PER_PASS


def used() -> tuple[int, int, int]:
    """The memory, threads and open files of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = len(list(Path("/proc/self/fd").iterdir()))
    return pages * os.sysconf("SC_PAGE_SIZE"), threading.active_count(), files
