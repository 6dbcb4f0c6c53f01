"""Things go away while a pass runs, and come back; memories are lost, and are old."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.checkout import SECONDS, Checkout
from tests.e2e.commands import gitops
from tests.e2e.independent import render
from tests.e2e.live import until
from tests.e2e.objects import config_map, config_maps
from tests.e2e.reconciling import Reconciling
from tests.long.agreement import cluster_is, no_lock, state_is
from toolchain import controlplane
from toolchain.controlplane import ControlPlane

pytestmark = [pytest.mark.e2e, pytest.mark.long]

MANY = 150
SIZES = (0, 4_000, 16_000, 64_000)  # a state is larger than the last
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def passes(checkout: Checkout) -> Reconciling:
    return following(checkout)


def following(checkout: Checkout) -> Reconciling:
    """Passes over what is committed to the checkout's own repository."""
    checkout.configure(source={"repoURL": str(checkout.root)})
    return Reconciling(checkout)


def agrees(passes: Reconciling) -> dict[object, str]:
    """Passes until nothing is left to do; then Git, cluster and state are the same."""

    def is_done() -> bool:
        report = passes.once().report
        actions = {each["decision"]["action"] for each in report["applications"]}
        return not report["errors"] and actions == {"Nothing"}

    until(is_done, "the passes to converge", seconds=SECONDS, step=1)
    uids = cluster_is(passes.checkout, render(passes.checkout, namespaces={}))
    state_is(passes.checkout, uids)
    no_lock(passes.checkout)
    return {**uids}


@pytest.fixture
def own_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane that a test may stop."""
    directory = tmp_path / "control-plane"
    yield controlplane.start(directory, owner_pid=os.getpid())
    controlplane.stop(directory)


def test_the_api_server_goes_away(own_plane: ControlPlane, tmp_path: Path) -> None:
    """The pass in the middle of which the API server ends fails; once it is back, the next ones
    make up for what was not done, and know what was. So they do without the kind of the records."""
    with closing((checkout := Checkout(tmp_path, own_plane.kubeconfig, "outage")).live):
        passes = following(checkout)
        checkout.write("few", config_map("few"))
        passes.commit()
        agrees(passes)
        checkout.write("many", *config_maps(MANY))
        checkout.remove("few")
        passes.commit()
        process = passes.start("--once")
        until(lambda: checkout.count("many") >= 10, "objects to be made", seconds=SECONDS)
        controlplane.stop(own_plane.directory)
        output, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 1, output
        assert "Traceback" not in errors
        assert "cannot be reached" in errors
        controlplane.start(own_plane.directory, owner_pid=os.getpid())
        assert 10 <= checkout.count("many") <= MANY
        before = agrees(passes)

        checkout.live.request("DELETE", f"{DEFINITIONS}/applications.home-ops.dev")
        assert agrees(passes) == before
        assert sorted(passes.records()) == ["many"]


def limited(checkout: Checkout, size: int) -> subprocess.CompletedProcess[str]:
    """A pass whose processes cannot write files beyond a size, as on a disk that is full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        [sys.executable, "-B", "-m", "reconciler.cli", "reconcile", "--once", "--json"],
        cwd=checkout.root,
        env=dict(checkout.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=limit,  # nothing else runs in this process
        check=False,
    )


def test_the_disk_is_full(checkout: Checkout, passes: Reconciling) -> None:
    """Wherever a pass cannot write, in the clone, the render cache, what it hands over or the
    state, it fails with a reason, and the next one with room makes up for it."""
    checkout.write("one", config_map("one"))
    passes.commit()
    before = agrees(passes)
    for number, size in enumerate(SIZES):
        checkout.write("one", config_map("one", f"edited-{number}"))
        checkout.write(f"many-{number}", *config_maps(MANY // 3, prefix=f"item-{number}"))
        passes.commit()
        failed = limited(checkout, size)
        assert "Traceback" not in failed.stderr, failed.stderr
        assert failed.returncode == 1, (size, failed.stdout, failed.stderr)
        assert "error: " in failed.stderr
        if checkout.pulumi("stack", "export").exit_code:
            # Pulumi puts half a state in the place of a whole one when there is no room for it
            assert "state is damaged" in passes.once().expect(1).errors
            checkout.lose_state()
        after = agrees(passes)
        assert {key: after[key] for key in before} == before, size
        before = after


def test_memories_are_lost(checkout: Checkout, passes: Reconciling) -> None:
    """Records, caches and clone may be lost, the state may be lost or an older one: nothing is made
    anew, and the next sync knows everything again. A state that cannot be read stops syncs, and
    says so, until a backup is put in its place."""
    cache = Path(checkout.environment["XDG_CACHE_HOME"]) / "home-ops"
    backend = Path(checkout.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    for name in ("one", "two", "three"):
        checkout.write(name, config_map(name), config_map(f"{name}-more"))
    passes.commit()
    before = agrees(passes)
    older = shutil.copytree(backend, backend.with_name("older"))

    for each in (cache / "render").iterdir():
        each.write_bytes(each.read_bytes()[:-3] + b"???")
    shutil.rmtree(cache / "repositories")
    records = f"/apis/home-ops.dev/v1alpha1/namespaces/{checkout.id}-base/applications"
    checkout.live.request("DELETE", records)
    passes.once().expect(runs=0)
    assert sorted(passes.records()) == ["one", "three", "two"]
    assert agrees(passes) == before

    checkout.write("four", config_map("four"))
    checkout.write("one", config_map("one", "2"))
    passes.commit()
    now = agrees(passes)
    shutil.rmtree(backend)
    older.rename(backend)
    checkout.write("two", config_map("two", "2"), config_map("two-more"))
    passes.commit()
    restored = passes.once().expect(runs=1)
    said = restored.report["warnings"]
    assert any("the state does not have" in each for each in said), said
    assert agrees(passes) == now

    checkout.lose_state()
    checkout.write("two", config_map("two", "3"), config_map("two-more"))
    passes.commit()
    lost = passes.once().expect()
    assert lost.report["engine"]["full"]
    assert agrees(passes) == now

    backup = backend.with_name("backup.json")
    gitops(checkout, "state", "backup", str(backup)).expect()
    [file] = (backend / ".pulumi" / "stacks").rglob(f"{checkout.stack}.json")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    checkout.write("two", config_map("two", "4"), config_map("two-more"))
    passes.commit()
    damaged = passes.once().expect(1)
    assert len(damaged.report["errors"]) == 1
    assert "gitops state restore" in damaged.errors
    found = checkout.live.find("ConfigMap", "two", checkout.namespace)
    assert found and found["data"]["value"] == "3"
    gitops(checkout, "state", "restore", "--yes", str(backup)).expect()
    assert agrees(passes) == now
