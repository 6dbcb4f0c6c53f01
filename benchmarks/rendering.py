"""How long does one render of a whole tree take? Run by ``checkout`` in a process of its own.

Prints JSON: the seconds of composing the target, without starting Python, and the objects.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from gitops.objects.scope import pinned_kinds
from gitops.stores import chart_store, render_cache
from gitops.target import ClusterView, compose
from gitops.versions import ClusterVersions
from reconciler.commands.project import stack_settings


def main(root: Path, stack: str) -> int:
    """Compose the target of a tree with the pinned versions; 1 where something is broken."""
    gc.disable()  # as the program does
    settings = stack_settings(root, stack)
    kubernetes = settings.kubernetes
    cluster = ClusterView(
        versions=ClusterVersions(kubernetes.version, kubernetes.api_versions),
        served=pinned_kinds(kubernetes.api_versions),
    )
    started = time.perf_counter()
    target = compose(
        settings,
        root=root,
        cluster=cluster,
        charts=chart_store(settings, root),
        cache=render_cache(),
        stack=stack,
    )
    seconds = time.perf_counter() - started
    for error in target.all_errors:
        print(error, file=sys.stderr)
    print(json.dumps({"seconds": seconds, "objects": len(target.keys)}))
    return 1 if target.all_errors else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
