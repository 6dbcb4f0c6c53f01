"""What should one Application have in the cluster?

The value composition builds step by step; the components declare it to the engine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gitops.application import ApplicationSpec
from gitops.errors import HomeOpsError
from gitops.ignoring.partial import Partial
from gitops.impersonation import ServiceAccount
from gitops.objects.manifest import Manifest, ResourceKey
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
    has no manifests either and stays as it is. ``inputs`` names what it was rendered from,
    ``from_cache`` says that it was so in an earlier run: the same inputs give the same again. It is
    synced as ``account``; where there is none, as whoever runs the program.
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
    from_cache: bool = field(default=False, compare=False)
    account: ServiceAccount | None = None
    warnings: tuple[str, ...] = ()
    _digest: list[str] = field(init=False, default_factory=list, compare=False, repr=False)

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
        if not self._digest:  # asked for several times in every pass, and half a millisecond each
            self._digest.append(_digest_of(self._applied()))
        return self._digest[0]

    def _applied(self) -> Iterator[object]:
        yield from (each.identity for each in self.manifests)
        # a hook's wave is in its annotations
        yield from ([each.phase, each.manifest.body] for each in self.hooks)

    @property
    def settings(self) -> str:
        """A hash of what the engine is told of the Application itself: a change of it has to be
        synced, though no object differs and no hook may run again."""
        spec = self.spec
        managed = spec.sync_policy.managed_namespace_metadata
        parts = {
            "project": spec.project,
            "namespace": spec.destination.namespace,
            "labels": dict(spec.labels),
            "syncOptions": dict(spec.sync_policy.sync_options),
            "managedNamespaceMetadata": [dict(managed.labels), dict(managed.annotations)],
            "commands": [spec.commands.before, spec.commands.after],
            "dependsOn": spec.depends_on,
            "confirm": sorted(spec.confirm),
            "madeBySet": spec.made_by_set,
            **({"serviceAccount": str(self.account)} if self.account else {}),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

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


def _digest_of(parts: Iterable[object]) -> str:
    """A hash of a list in JSON, made of one item at a time: all definitions together are tens of
    megabytes of text."""
    total = hashlib.sha256(b"[")
    for number, part in enumerate(parts):
        total.update(b", " if number else b"")
        total.update(json.dumps(part, sort_keys=True).encode())
    total.update(b"]")
    return total.hexdigest()
