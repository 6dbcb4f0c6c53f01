"""A stack can be divided into shards, and an Application moves between them as if nothing were."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from gitops.sharding.division import shard_of
from gitops.sharding.settings import Shards
from gitops.sharding.state import applications_of
from tests.e2e.checkout import SECONDS, Checkout
from tests.e2e.live import Body
from tests.e2e.objects import config_map, definition, thing
from tests.e2e.reconciling import PassRun, Reconciling
from tests.gitops.objects import application

pytestmark = pytest.mark.e2e

SHARE = 3


def configure(checkout: Checkout, count: int, by: str = "hash", **settings: object) -> None:
    checkout.configure(
        source={"repoURL": str(checkout.root)}, shards={"count": count, "by": by}, **settings
    )


def gitops(checkout: Checkout, *arguments: str, code: int = 0) -> str:
    """Run a command; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.cli", *arguments],
        cwd=checkout.root,
        env=checkout.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS * 2,
        check=False,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout


def a_pass(checkout: Checkout, *arguments: str, code: int = 0, runs: int | None = None) -> PassRun:
    """One pass; it has longer than most, as several may be made at once."""
    printed = gitops(checkout, "reconcile", "--json", "--once", *arguments, code=code)
    run = PassRun(exit_code=code, report=json.loads(printed), errors="")
    return run.expect(code, runs=runs)


def stack(checkout: Checkout, shard: int) -> str:
    return f"{checkout.stack}-shard-{shard}" if shard else checkout.stack


def export(checkout: Checkout, shard: int) -> Body:
    exported = checkout.pulumi("stack", "export", "--stack", stack(checkout, shard))
    return dict(json.loads(exported.succeeded().output)) if exported.exit_code == 0 else {}


def states(checkout: Checkout, count: int) -> list[set[str]]:
    """The Applications in the state of each shard, by the last part of their name."""
    found = (applications_of(export(checkout, shard)) for shard in range(count))
    return [{name.rpartition("-")[2] for name in names} for names in found]


def expected(checkout: Checkout, count: int) -> list[set[str]]:
    """Where the command says they are."""
    told = json.loads(gitops(checkout, "shards", "list", "-o", "json"))
    assert len(told) == count
    return [{name.rpartition("-")[2] for name in each["names"]} for each in told]


def fill(checkout: Checkout) -> list[list[str]]:
    """Applications of two ConfigMaps, as many in each of two shards; their names, by shard. The
    last of each moves when there are three."""
    found: list[list[str]] = [[], []]
    for name in (f"app{number}" for number in range(300)):
        spec = replace(application(), name=f"e2e-{checkout.id}-{name}")
        share = found[shard_of(spec, Shards(count=2))]
        moves = shard_of(spec, Shards(count=3)) == 2
        if len(share) < SHARE - 1 or (len(share) < SHARE and moves):
            share.append(name)
            checkout.write(name, config_map(f"{name}-a"), config_map(f"{name}-b"))
    return found


def test_shards(checkout: Checkout) -> None:
    """Divided, put together and divided again, the Applications of a stack keep their objects to
    the last resourceVersion; each is in the state of one shard, which a second run finds nothing to
    do in. All are shown as one, and one that leaves Git is removed by its own shard."""
    configure(checkout, 1)
    shares = fill(checkout)
    every = {*shares[0], *shares[1]}
    checkout.up().succeeded()
    versions = checkout.versions()
    assert len(versions) == 2 * len(every) == 4 * SHARE

    for count in (3, 1, 2):
        configure(checkout, count)
        told = gitops(checkout, "up", "--yes")
        assert checkout.versions() == versions
        assert "nothing changed" in told
        found = states(checkout, count)
        assert found == expected(checkout, count)
        assert sum(map(len, found)) == len(every)
        left = json.loads(checkout.pulumi("stack", "ls", "--json").succeeded().output)
        assert {each["name"] for each in left} == {stack(checkout, n) for n in range(count)}
    again = checkout.up("--stack", stack(checkout, 1)).succeeded()
    assert again.changes == []
    listed = gitops(checkout, "app", "list", "-o", "name").split()
    assert {each.rpartition("-")[2] for each in listed} == every

    assert found == [set(each) for each in shares]
    departed = shares[1][0]
    checkout.remove(departed)
    gitops(checkout, "up", "--yes")
    rest = {key: each for key, each in versions.items() if not key.name.startswith(f"{departed}-")}
    assert checkout.versions() == rest


def test_passes_of_shards(checkout: Checkout) -> None:
    """Passes sync their own share each, what waits for another shard is left out and taken by the
    next pass; the first moves states where the division has changed, which the others wait for. A
    pass killed between both writes of that leaves an Application in two states: the next one takes
    it out of the first, and nothing is deleted."""
    category = checkout.id
    configure(checkout, 2)
    passes = Reconciling(checkout)
    shares = fill(checkout)
    checkout.write("kinds", definition(f"{checkout.id}.example", "Widget"))
    own = 0 if "kinds" in expected(checkout, 2)[1] else 1  # the shard without the definition
    (waits, ordered, free), beside = shares[own], shares[1 - own]
    body = thing(f"{checkout.id}.example/v1", "Widget", "widget", spec={"size": 1})
    checkout.write(waits, config_map(f"{waits}-a"), config_map(f"{waits}-b"), body)
    checkout.text(ordered, ".home-ops.yaml", f"dependsOn: [{category}/{beside[0]}]\n")
    passes.commit()

    gitops(checkout, "shards", "arrange")
    left = a_pass(checkout, "--shard", str(own))
    assert left.app(waits)["decision"]["action"] == "Wait", left.report
    assert "is not served yet" in left.app(waits)["decision"]["reason"]
    assert left.app(ordered)["decision"]["action"] == "Wait"
    assert f"{category}/{beside[0]}" in left.app(ordered)["decision"]["reason"]
    assert left.sync(free) == "Synced"
    a_pass(checkout, "--shard", str(1 - own))
    done = a_pass(checkout, "--shard", str(own))
    assert {done.sync(waits), done.sync(ordered)} == {"Synced"}
    for shard in range(2):
        a_pass(checkout, "--shard", str(shard), runs=0)
    versions = checkout.versions()
    assert set(passes.records()) == {*shares[0], *shares[1], "kinds"}

    before = {shard: export(checkout, shard) for shard in range(2)}
    configure(checkout, 3)
    passes.commit()
    held = passes.start("--once", "--shard", "1")  # waits for the first
    moved = a_pass(checkout, "--shard", "0")
    assert any("have moved" in each for each in moved.report["warnings"])
    held.communicate(timeout=SECONDS * 2)
    assert held.returncode == 0
    a_pass(checkout, "--shard", "2")
    assert states(checkout, 3) == expected(checkout, 3)
    assert checkout.versions() == versions

    # as if the pass had been killed after it had written what came, before what went
    for shard in range(2):
        document = json.dumps(before[shard])
        process = subprocess.run(
            ["pulumi", "stack", "import", "--stack", stack(checkout, shard), "--non-interactive"],
            cwd=checkout.root,
            env=checkout.environment,
            input=document,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stderr
    assert sum(map(len, states(checkout, 3))) > 2 * SHARE + 1
    refused = checkout.up("--stack", stack(checkout, 1)).failed()
    assert "gitops shards arrange" in refused.output
    gitops(checkout, "shards", "arrange")
    assert states(checkout, 3) == expected(checkout, 3)
    for shard in range(3):
        a_pass(checkout, "--shard", str(shard), runs=0)
    assert checkout.versions() == versions
