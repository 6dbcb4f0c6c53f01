"""A pass that is to end while the engine runs ends it gracefully, and the next one goes on."""

from __future__ import annotations

import json
import signal
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.passes.reconcile import Options, Reconciler
from tests.e2e.checkout import Checkout
from tests.e2e.hooks import hook, job, jobs
from tests.e2e.live import until
from tests.e2e.objects import config_map
from tests.e2e.reconciling import Reconciling

pytestmark = pytest.mark.e2e

LEASES = "/apis/coordination.k8s.io/v1/namespaces"


def lease_path(checkout: Checkout) -> str:
    return f"{LEASES}/{checkout.id}-base/leases/home-ops-{checkout.stack}"


def locks(checkout: Checkout) -> list[Path]:
    """Pulumi's locks of the stack."""
    backend = Path(checkout.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    return list((backend / ".pulumi" / "locks").rglob("*.json"))


def phase(passes: Reconciling, name: str) -> Any:
    return passes.records()[name]["status"]["operationState"]["phase"]


def hang(passes: Reconciling, value: str) -> None:
    """Commit an Application the sync of which waits for a hook that never ends."""
    waiting = job(f"waits-{value}", hook("PreSync"), hangs=True)
    passes.checkout.write("hangs", waiting, config_map("after", value))
    passes.commit()


def test_a_loop_is_told_to_end(checkout: Checkout, passes: Reconciling) -> None:
    """SIGTERM ends the engine as an interrupt does: its state is written and its lock gone, the
    lease is released, the record says what happened, and the next pass goes on at once."""
    checkout.write("done", config_map("done"))
    hang(passes, "1")
    process = passes.start("--loop", "--interval", "1s")
    try:
        until(lambda: "waits-1" in jobs(checkout), "the sync to wait", seconds=120)
        until(lambda: checkout.live.find("ConfigMap", "done", checkout.namespace), "the other")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    report = json.loads(output.splitlines()[-1])
    assert process.returncode == 1, errors
    assert "told to end (SIGTERM)" in report["errors"][0]
    assert "Traceback" not in errors
    assert locks(checkout) == []
    assert checkout.live.request("GET", lease_path(checkout))["spec"]["holderIdentity"] == ""
    assert phase(passes, "hangs") == "Error"
    assert phase(passes, "done") == "Succeeded"
    assert len([each for each in checkout.state() if each["urn"].endswith("/done")]) == 1

    dry = passes.once("--dry-run").expect(runs=0)
    decision = dry.app("hangs")["decision"]
    assert (decision["action"], decision["reason"]) == ("Sync", "its last sync was interrupted")
    checkout.write("hangs", config_map("after", "2"))
    passes.commit()
    passes.once().expect(0, runs=1)
    assert phase(passes, "hangs") == "Succeeded"


def test_the_lease_is_lost(
    checkout: Checkout, passes: Reconciling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass whose lease somebody has taken ends its engine, starts nothing else and writes nothing
    any more; once the lease is free the next pass goes on."""
    hang(passes, "1")
    for name, value in checkout.environment.items():
        monkeypatch.setenv(name, value)
    options = Options(
        stack=checkout.stack, folder=checkout.root, lease=timedelta(seconds=12), command="test"
    )
    versions: list[str] = []

    def take() -> None:
        until(lambda: "waits-1" in jobs(checkout), "the sync to wait", seconds=120)
        versions.append(passes.records()["hangs"]["metadata"]["resourceVersion"])
        taken = {"holderIdentity": "somebody", "leaseDurationSeconds": 1}
        checkout.live.request("PATCH", lease_path(checkout), {"spec": taken})

    with Reconciler(options) as reconciler:
        thread = threading.Thread(target=take)
        thread.start()
        report = reconciler.run()
        thread.join()
        assert ["was taken by somebody" in each for each in report.errors] == [True]
        assert report.written == 0
        assert passes.records()["hangs"]["metadata"]["resourceVersion"] == versions[0]
        assert phase(passes, "hangs") == "Running"
        assert locks(checkout) == []
        assert checkout.live.find("ConfigMap", "after", checkout.namespace) is None
        holder = checkout.live.request("GET", lease_path(checkout))["spec"]["holderIdentity"]
        assert holder == "somebody"

        checkout.write("hangs", config_map("after", "2"))
        passes.commit()
        assert until(lambda: not (found := reconciler.run()).held and found, "the lease").runs
    assert phase(passes, "hangs") == "Succeeded"
    passes.once().expect(runs=0)


@pytest.fixture
def passes(checkout: Checkout) -> Reconciling:
    checkout.configure(source={"repoURL": str(checkout.root)})
    return Reconciling(checkout)


def test_deleted_and_not_written_down(checkout: Checkout, passes: Reconciling) -> None:
    """What a run has deleted before its provider died is in the state and nowhere else: the pass
    after it takes it out of there, and what is left of an Application that is gone."""
    checkout.write("one", config_map("a"), config_map("b"))
    checkout.write("two", config_map("c"))
    passes.commit()
    passes.once().expect(runs=1)

    memory = f"/api/v1/namespaces/{checkout.id}-base/configmaps/home-ops-{checkout.stack}"
    checkout.live.request("PATCH", memory, {"data": {"unsure": "true"}})
    config_maps = f"/api/v1/namespaces/{checkout.namespace}/configmaps"
    for name in ("b", "c"):
        checkout.live.request("DELETE", f"{config_maps}/{name}")
    checkout.write("one", config_map("a"))
    checkout.remove("two")
    passes.commit()
    done = passes.once().expect(runs=1)
    assert any("neither Git nor the cluster has" in each for each in done.report["warnings"])
    left = {str(each["urn"]).rpartition("::")[2] for each in checkout.state()}
    assert f"{checkout.namespace}/a" in left
    assert not left & {f"{checkout.namespace}/b", f"{checkout.namespace}/c"}
    assert not any(each.endswith("-two") for each in left)
    passes.once().expect(runs=0)
