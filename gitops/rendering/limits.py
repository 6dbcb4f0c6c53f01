"""How large may a source file and an object be?

Called by rendering: what the API server could never take is refused before anything is applied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gitops.errors import ManifestError
from gitops.objects.manifest import Manifest

SOURCE_FILE_BYTES = 16 * 1024 * 1024
OBJECT_BYTES = 1_572_864
"""etcd's default ``--max-request-bytes``: 1.5 MiB."""
DATA_BYTES = 1024 * 1024
"""Kubernetes' own limit on what a ConfigMap or a Secret holds (``MaxSecretSize``): 1 MiB."""


def check(manifest: Manifest) -> None:
    """Refuse an object that is larger than the API server takes.

    Raises:
        ManifestError: with the object's size and the limit.
    """
    size = len(json.dumps(manifest.body, separators=(",", ":"), ensure_ascii=False).encode())
    _refuse_above(manifest, "it", size, OBJECT_BYTES)
    if not manifest.key.group and manifest.key.kind in ("ConfigMap", "Secret"):
        _refuse_above(manifest, "its data", _data_size(manifest.body), DATA_BYTES)


def _data_size(body: Mapping[str, Any]) -> int:
    """The bytes a ConfigMap or Secret holds, once what is base64 is decoded."""
    encoded = ("data", "binaryData") if body["kind"] == "Secret" else ("binaryData",)
    total = 0
    for field in ("data", "stringData", "binaryData"):
        values = body.get(field)
        for value in values.values() if isinstance(values, Mapping) else ():
            text = str(value)
            if field in encoded:
                compact = "".join(text.split())
                total += len(compact) * 3 // 4 - compact.count("=")
            else:
                total += len(text.encode())
    return total


def _refuse_above(manifest: Manifest, what: str, size: int, limit: int) -> None:
    if size > limit:
        raise ManifestError(
            manifest.source or str(manifest.key),
            f"{manifest.key} is larger than the API server takes: {what} is {size:,} bytes, "
            f"the limit is {limit:,}",
            remedy="split it, or keep the large part outside the cluster",
        )
