"""What does dividing a stack bring? 6,000 objects in 1, 2 and 4 shards: a first sync, a commit to
one Application, and moving the state.

Called by the command line like a scenario. The passes of the shards run side by side as the Pods of
an Indexed Job would, as many as there are cores.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from benchmarks import measuring
from benchmarks.checkout import STACK, BenchmarkError, Checkout
from benchmarks.commits import Commits, sample_of
from benchmarks.measurements import Limits
from benchmarks.reconcile import scenario
from benchmarks.report import Row, Sample

NAME = "shards"
APPLICATIONS = 240
COUNTS = (1, 2, 4)


def measure(directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure in an empty folder.

    Raises:
        BenchmarkError: a command failed, or a pass did not do what is measured.
    """
    place = directory / NAME
    place.mkdir()
    timeout = max(60.0, limits.until - time.monotonic())
    checkout = Checkout(place, scenario(NAME, place, APPLICATIONS), timeout=timeout)
    checkout.start_cluster()
    try:
        checkout.make_stack()
        commits = Commits(checkout)
        for count in COUNTS:
            if count > COUNTS[0]:
                divide(checkout, commits, count)
                yield row(checkout, f"state moved to {count} shards", [arranged(checkout)])
                checkout.forget()
            yield from first(checkout, count)
            yield change(checkout, commits, count)
    finally:
        checkout.stop()


def divide(checkout: Checkout, commits: Commits, count: int) -> None:
    """Commit another number of shards."""
    file = checkout.root / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["home-ops:shards"] = {"count": count}
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    commits.commit()


def first(checkout: Checkout, count: int) -> Iterator[Row]:
    """Everything is new: the time until the last shard is done, and what each took."""
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        runs = list(pool.map(lambda shard: passed(checkout, shard), range(count)))
    seconds = time.perf_counter() - started
    yield row(checkout, f"first sync, {count} shards", [Sample(seconds=seconds)])
    yield row(checkout, "  a shard's own", [sample_of(run) for run in runs])


def change(checkout: Checkout, commits: Commits, count: int) -> Row:
    """A commit to one Application, as its shard takes it; the others find nothing to do."""
    shard = place_of(checkout)
    passed(checkout, shard)
    checkout.edit()
    commits.commit()
    run = passed(checkout, shard)
    if json.loads(run.output)["engine"]["runs"] != 1:
        raise BenchmarkError(f"shard {shard} of {count} did not sync the commit")
    return row(checkout, f"commit to one Application, {count} shards", [sample_of(run)])


def arranged(checkout: Checkout) -> Sample:
    """The states moved to what the config says."""
    return sample_of(checkout.run("gitops", "shards", "arrange", "--stack", STACK))


def place_of(checkout: Checkout) -> int:
    """The shard of the Application that is edited."""
    told = checkout.run("gitops", "shards", "list", "--stack", STACK, "-o", "json").output
    shards: Sequence[dict[str, object]] = json.loads(told)
    found = (n for n, each in enumerate(shards) if checkout.scenario.application in str(each))
    return next(found)


def passed(checkout: Checkout, shard: int) -> measuring.Run:
    """One pass of one shard."""
    command = ("gitops", "reconcile", "--json", "--stack", STACK, "--shard", str(shard))
    return checkout.run(*command)


def row(checkout: Checkout, measurement: str, samples: list[Sample]) -> Row:
    """A row of this stack."""
    return Row(
        scenario=NAME,
        measurement=measurement,
        objects=checkout.scenario.objects,
        samples=samples,
    )
