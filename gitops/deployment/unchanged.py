"""Is an object in the state as Git has it?

Called before a sync of some Applications, where it matters which objects the engine would update.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.deployment.applied import says_the_same
from gitops.ignoring.partial import STEERING
from gitops.objects.manifest import Manifest, annotations_of

_SEALED = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of a value that is no plain one
_SECRET_FIELDS = frozenset({"data", "stringData"})


def unchanged(manifest: Manifest, applied: Mapping[str, Any]) -> bool:
    """Whether applying an object would change nothing; what is secret in it is not compared.

    Args:
        manifest: the rendered object.
        applied: what the last deployment says of it.
    """
    metadata = dict(applied["metadata"])
    annotations = annotations_of(applied)
    own = {name: v for name, v in annotations.items() if not name.startswith(STEERING)}
    metadata["annotations"] = own or None
    sealed = {n for n, v in applied.items() if isinstance(v, Mapping) and _SEALED in v}
    if sealed:  # in whichever of a Secret's two forms
        sealed |= _SECRET_FIELDS
    target = {name: value for name, value in manifest.body.items() if name not in sealed}
    known = {name: value for name, value in applied.items() if name not in sealed}
    return says_the_same(target, {**known, "metadata": metadata})
