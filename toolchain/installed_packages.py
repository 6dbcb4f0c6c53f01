"""Which packages are installed?

Run by ``toolchain/pulumi-python`` in the place of ``pip list --format json``, with those of its
fields that Pulumi's language host reads: it looks for the plugins the packages need.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import distributions


def packages() -> list[dict[str, str]]:
    """Name, version and folder of every package, as Python finds them."""
    found: dict[str, dict[str, str]] = {}
    for each in distributions():
        name = each.metadata["Name"]
        location = str(each.locate_file(""))
        found.setdefault(name, {"name": name, "version": each.version, "location": location})
    return [found[name] for name in sorted(found, key=str.lower)]


if __name__ == "__main__":
    json.dump(packages(), sys.stdout)
