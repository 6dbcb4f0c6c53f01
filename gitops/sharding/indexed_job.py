"""How is a Job changed so that each shard has a Pod of its own?

Called by whoever makes the reconciler's CronJob (Kubernetes, "Jobs": completion mode, backoff limit
per index, Pod failure policy).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.sharding.settings import Shards


def indexed(job: Mapping[str, Any], shards: Shards) -> dict[str, Any]:
    """The spec of a Job with a Pod for each shard, all at once; as it is where there is one.

    A Pod finds its shard in JOB_COMPLETION_INDEX. What is wrong with one shard ends no other: what
    would fail the Job fails its index, and each has as many attempts as the Job had.

    Args:
        job: the spec of a Job with one Pod.
        shards: how the stack is divided.
    """
    if not shards.divided:
        return dict(job)
    made = {name: value for name, value in job.items() if name != "backoffLimit"}
    made |= {
        "completionMode": "Indexed",
        "completions": shards.count,
        "parallelism": shards.count,
        "backoffLimitPerIndex": job["backoffLimit"],
    }
    rules = (job.get("podFailurePolicy") or {}).get("rules") or ()
    if rules:
        own = [{**e, "action": "FailIndex"} if e["action"] == "FailJob" else e for e in rules]
        made["podFailurePolicy"] = {"rules": own}
    return made
