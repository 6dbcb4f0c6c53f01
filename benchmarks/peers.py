"""What do others need for the same objects? ``kubectl`` for now, which only applies.

Called by ``measurements`` on a cluster that holds none of them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import scenarios
from benchmarks.checkout import Checkout
from benchmarks.measuring import Run
from benchmarks.report import Sample


def kubectl_apply(
    sample: Callable[[Callable[[], Run]], Sample], checkout: Checkout
) -> Iterator[tuple[str, list[Sample]]]:
    """Apply the objects of ``small60`` server-side: first, and again with nothing to do."""
    folder = checkout.directory / "objects"
    folder.mkdir()
    namespaces: list[scenarios.Body] = []
    for application in range(60):
        category = f"category-{application % 6:02}"
        if application < 6:
            namespaces.append({"kind": "Namespace", "metadata": {"name": category}})
        bodies = [scenarios.small_object(application, number) for number in range(25)]
        for body in bodies:
            body["metadata"]["namespace"] = category
        _write(folder / f"{category}-{application:03}.json", bodies)
    _write(folder / "0-namespaces.json", [{"apiVersion": "v1", **each} for each in namespaces])

    def apply() -> Run:
        return checkout.run("kubectl", "apply", "--server-side", "-f", str(folder))

    yield "kubectl apply --server-side, first", [sample(apply)]
    again = [sample(apply) for _ in range(checkout.scenario.repeats)]
    yield "kubectl apply --server-side, again", again
    shutil.rmtree(folder)


def _write(path: Path, bodies: list[scenarios.Body]) -> None:
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies}))
