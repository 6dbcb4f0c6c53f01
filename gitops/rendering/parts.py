"""What is rendered for an Application with several sources, and what comes of it together?

Called by ``render_all`` and by whoever looks at an Application's inputs. Source: ArgoCD, "Multiple
Sources for an Application": where sources hold the same object, the last of them wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gitops.application import ApplicationSpec
from gitops.objects.manifest import Manifest, ResourceKey


def parts(spec: ApplicationSpec) -> list[ApplicationSpec]:
    """The Application once for each source that is rendered; the others are only referred to."""
    if not spec.sources:
        return [spec]
    rendered = [each for each in spec.sources if each.chart or not each.ref or each.path != "."]
    return [replace(spec, source=each) for each in rendered]


def together(spec: ApplicationSpec, found: Sequence[Sequence[Manifest]]) -> list[Manifest]:
    """The objects of all parts, each once."""
    if len(found) == 1:
        return list(found[0])
    last: dict[ResourceKey, int] = {}
    for index, manifests in enumerate(found):
        last |= {_key(spec, manifest): index for manifest in manifests}
    return [
        manifest
        for index, manifests in enumerate(found)
        for manifest in manifests
        if last[_key(spec, manifest)] == index
    ]


def _key(spec: ApplicationSpec, manifest: Manifest) -> ResourceKey:
    # what scope a kind has is not known yet; no object of two sources has its namespace in one only
    return replace(manifest.key, namespace=manifest.key.namespace or spec.destination.namespace)
