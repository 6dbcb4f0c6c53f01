"""What of a definition are most of its bytes, and looked into by hardly anyone?

The schemas of its versions: those of one operator may have megabytes of text, ten times that once
they are read. Called by ``Manifest``, which keeps them folded: as compressed text.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.objects.scope import is_crd

_SCHEMA = "schema"
_FAST = 1
"""A level of zlib: a tenth of the size, and the slower ones gain little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedSchemas:
    """The schemas of a definition.

    Args:
        digest: the same schemas have the same.
        size: their bytes, as text.
        text: the compressed text.
    """

    digest: str
    size: int
    text: bytes = field(repr=False, compare=False)


def without_schemas(body: dict[str, Any]) -> tuple[dict[str, Any], FoldedSchemas | None]:
    """Take the schemas out of a definition.

    Args:
        body: any object; one that is no definition, or has no schemas, is returned as it is.

    Returns:
        The object without them, and the schemas.
    """
    versions = _versions(body) if is_crd(body) else []
    schemas = [
        each.get(_SCHEMA) if isinstance(each, Mapping) and each.get(_SCHEMA) else None
        for each in versions
    ]
    if not any(schemas):
        return body, None
    left = [
        {name: value for name, value in each.items() if name != _SCHEMA} if schema else each
        for each, schema in zip(versions, schemas, strict=True)
    ]
    text = json.dumps(schemas, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(text).hexdigest()
    folded = FoldedSchemas(digest=digest, size=len(text), text=zlib.compress(text, _FAST))
    return {**body, "spec": {**body["spec"], "versions": left}}, folded


def with_schemas(outline: dict[str, Any], schemas: FoldedSchemas) -> dict[str, Any]:
    """Put the schemas back.

    Args:
        outline: a definition without them.
        schemas: what ``without_schemas`` has made of them.
    """
    from msgspec import json as fast  # only here, for every command imports this module

    found = fast.decode(zlib.decompress(schemas.text))
    versions = [
        {**each, _SCHEMA: schema} if schema else each
        for each, schema in zip(_versions(outline), found, strict=True)
    ]
    return {**outline, "spec": {**outline["spec"], "versions": versions}}


def _versions(body: Mapping[str, Any]) -> list[Any]:
    spec = body.get("spec")
    versions = spec.get("versions") if isinstance(spec, Mapping) else None
    return versions if isinstance(versions, list) else []
