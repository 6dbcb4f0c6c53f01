"""Was this rendered before?

Called by ``render_all`` with the digest of all inputs. Entries may hold Secrets, so nobody else may
read them; a damaged entry is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec.json import (
    Decoder,
    encode,
)  # definitions have megabytes, and this is three times as fast

from gitops.objects.definition_schemas import FoldedSchemas
from gitops.objects.manifest import Manifest

MOST_ENTRIES = 2_000
_ENTRIES = Decoder(list[tuple[str, dict[str, Any], FoldedSchemas | None]])


class RenderCache:
    """Rendered objects in a folder, one file per digest, safe for several processes at once.

    Args:
        directory: where the entries are; made when the first is put there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)

    def get(self, digest: str) -> list[Manifest] | None:
        """The objects stored under a digest; ``None`` when there are none or they are damaged."""
        path = self._path(digest)
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - thousands of small files
                checksum, _, content = file.read().partition(b"\n")
            if checksum.decode("ascii") != hashlib.sha256(content).hexdigest():
                return None
            manifests = [_manifest(*entry) for entry in _ENTRIES.decode(content)]
            os.utime(path)  # what was read last is pruned last
        except (OSError, ValueError):
            return None
        return manifests

    def put(self, digest: str, manifests: Sequence[Manifest]) -> None:
        """Store objects under a digest; a full or read-only disk only means no entry."""
        content = b"[" + b",".join(_entry(each) for each in manifests) + b"]"
        try:
            Path(self._directory).mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._directory, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
                Path(temporary).replace(self._path(digest))
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError:
            return

    def prune(self, *, keep: int = 0) -> int:
        """Remove the entries used longest ago, down to ``keep`` or 2,000, whichever is more.

        Returns:
            How many were removed.
        """
        most = max(keep, MOST_ENTRIES)
        try:
            with os.scandir(self._directory) as found:
                entries = list(found)
            if len(entries) <= most:
                return 0
            entries.sort(key=lambda entry: entry.stat().st_mtime_ns)
            for entry in entries[: len(entries) - most]:
                Path(entry.path).unlink(missing_ok=True)
        except OSError:
            return 0
        return len(entries) - most

    def _path(self, digest: str) -> str:
        return f"{self._directory}/{digest}.json"


def _manifest(source: str, outline: dict[str, Any], schemas: FoldedSchemas | None) -> Manifest:
    manifest = Manifest.from_body(outline, source=source)
    return replace(manifest, schemas=schemas) if schemas else manifest


def _entry(manifest: Manifest) -> bytes:
    folded = manifest.folded()
    parts = (folded.source, folded.outline)
    texts = (json.dumps(each, separators=(",", ":"), ensure_ascii=False).encode() for each in parts)
    return b"[" + b",".join((*texts, encode(folded.schemas))) + b"]"
