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
from gitops.ignoring.partial import Partial
from gitops.manifest import Manifest, ResourceKey
from gitops.syncing.hook_plan import PlannedHook
from gitops.syncing.options import ObjectOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationTarget:
    """One Application and its objects in the order of a sync.

    ``hooks`` are the runs of its hooks, which are no objects of it. ``error`` says why the
    Application is broken; it then has neither. ``replacements`` are the objects that may be deleted
    and created again, each with the immutable fields that change. ``skipped`` are objects in Git
    that are neither applied nor, where they exist, deleted. ``partials`` are the objects some of
    whose fields are left to others. ``default_options`` are the options of an object with no
    annotation about them, ``own_options`` those of the others. ``stopped`` by the prune gate, it
    has no manifests either and stays as it is. ``inputs`` names what it was rendered from.
    """

    spec: ApplicationSpec
    manifests: tuple[Manifest, ...] = ()
    hooks: tuple[PlannedHook, ...] = ()
    replacements: Mapping[ResourceKey, tuple[str, ...]] = field(default_factory=dict)
    skipped: tuple[ResourceKey, ...] = ()
    partials: Mapping[ResourceKey, Partial] = field(default_factory=dict)
    default_options: ObjectOptions = field(default_factory=ObjectOptions)
    own_options: Mapping[ResourceKey, ObjectOptions] = field(default_factory=dict)
    error: HomeOpsError | None = None
    stopped: bool = False
    inputs: str = field(default="", compare=False)
    warnings: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """What errors call the Application."""
        return self.spec.subject

    def options_for(self, key: ResourceKey) -> ObjectOptions:
        """The sync and compare options of one of its objects."""
        return self.own_options.get(key, self.default_options)

    @property
    def digest(self) -> str:
        """A hash of everything that is applied and run for the Application."""
        parts: list[object] = [each.body for each in self.manifests]
        # a hook's wave is in its annotations
        parts += [[each.phase, each.manifest.body] for each in self.hooks]
        text = json.dumps(parts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def broken(self, error: HomeOpsError) -> ApplicationTarget:
        """The same Application as one that cannot be synced."""
        return replace(
            self, error=error, manifests=(), hooks=(), replacements={}, skipped=(), partials={}
        )

    def held(self) -> ApplicationTarget:
        """The same Application as one the prune gate has stopped."""
        return replace(
            self, stopped=True, manifests=(), hooks=(), replacements={}, skipped=(), partials={}
        )
