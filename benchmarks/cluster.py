"""How many objects does the cluster really hold? Asked with ``kubectl``, which knows no Pulumi."""

from __future__ import annotations

import json

from benchmarks.checkout import Checkout

LABEL = "home-ops/application"
STACK_ANNOTATION = "home-ops/stack"


def count(checkout: Checkout, *, stack: str) -> int:
    """The objects a stack has applied; what controllers made from them is left out."""
    listed = checkout.run("kubectl", "api-resources", "--verbs=list,create,delete", "-o", "name")
    kinds = ",".join(sorted(set(listed.output.split())))
    found = checkout.run("kubectl", "get", kinds, "-A", "-l", LABEL, "-o", "json")
    names = set()
    for item in json.loads(found.output)["items"]:
        metadata = item["metadata"]
        controlled = any(each.get("controller") for each in metadata.get("ownerReferences", ()))
        if metadata.get("annotations", {}).get(STACK_ANNOTATION) == stack and not controlled:
            names.add((item["kind"], metadata.get("namespace", ""), metadata["name"]))
    return len(names)
