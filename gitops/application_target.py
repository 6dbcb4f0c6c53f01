"""What should one Application have in the cluster?

The value composition builds step by step; the components declare it to the engine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gitops.application import ApplicationSpec
from gitops.errors import HomeOpsError
from gitops.manifest import Manifest, ResourceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationTarget:
    """One Application and its objects in the order of a sync.

    ``error`` says why the Application is broken; it then has no manifests. ``replacements`` are the
    objects that may be deleted and created again, each with the immutable fields that change.
    ``skipped`` are objects in Git that are neither applied nor, where they exist, deleted.
    """

    spec: ApplicationSpec
    manifests: tuple[Manifest, ...] = ()
    replacements: Mapping[ResourceKey, tuple[str, ...]] = field(default_factory=dict)
    skipped: tuple[ResourceKey, ...] = ()
    error: HomeOpsError | None = None
    warnings: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """What errors call the Application."""
        return self.spec.subject

    @property
    def digest(self) -> str:
        """A hash of everything that is applied for the Application."""
        text = json.dumps([each.body for each in self.manifests], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def broken(self, error: HomeOpsError) -> ApplicationTarget:
        """The same Application as one that cannot be synced."""
        return replace(self, error=error, manifests=(), replacements={}, skipped=())
