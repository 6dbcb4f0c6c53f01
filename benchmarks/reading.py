"""How long does one status of all Applications take? Run by ``status`` in a process of its own.

Prints JSON: the seconds without starting Python, the LISTs and their bytes, what was found.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

from reconciler.applications import StatusReader
from reconciler.commands.project import applications_in_git, stack_settings


def main(root: Path, stack: str) -> int:
    """Read the status as ``gitops app list`` does."""
    started = time.perf_counter()
    settings = stack_settings(root, stack)
    specs = applications_in_git(root, settings)
    with StatusReader(settings, specs, stack=stack) as reader:
        reading = reader.read()
    seconds = time.perf_counter() - started
    found = {
        "seconds": seconds,
        "requests": reading.stats.requests,
        "bytes": reading.stats.size,
        "objects": sum(len(each.resources) for each in reading.applications),
        "health": Counter(each.health.status.value for each in reading.applications),
        "unexplained": [
            each.name
            for each in reading.applications
            if not each.settled and "Pod " not in each.health.message
        ],
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
