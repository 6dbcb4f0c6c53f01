"""Which objects of a target are applied in part only?

Called by the program with the composed target. The rules of an Application, those of the stack's
config and those that follow from the manifests decide together. The rendered objects stay as they
are, so digests say the same whatever the cluster does to ignored fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.errors import ConfigError
from gitops.ignoring.implied import implied_rules
from gitops.ignoring.jq_paths import Jq
from gitops.ignoring.partial import Partial, partial, with_live_values
from gitops.ignoring.rules import IgnoreRule, matching
from gitops.objects.manifest import Manifest, ResourceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOwners:
    """Who owns which field in the cluster at hand.

    Args:
        listed: the objects that carry our label, or their metadata.
        find: asks for other objects; those that are there.
    """

    listed: Mapping[ResourceKey, Mapping[str, Any]]
    find: Callable[[Sequence[ResourceKey]], Mapping[ResourceKey, Mapping[str, Any]]]

    def of(self, keys: Iterable[ResourceKey]) -> Mapping[ResourceKey, Mapping[str, Any]]:
        """The metadata of those objects that are there."""
        wanted = frozenset(keys)
        # set operations with a view of a dictionary go over all of it
        listed = {key: self.listed[key] for key in wanted if key in self.listed}
        others = sorted(wanted - frozenset(listed))
        return {**listed, **self.find(others)} if others else listed


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAndLive:
    """What is known of objects beside their rendered form; ``owners`` is None where no cluster is
    at hand."""

    inventory: Inventory
    owners: LiveOwners | None


def leave_out(
    targets: Sequence[ApplicationTarget], system: Sequence[IgnoreRule], known: LastAndLive
) -> tuple[ApplicationTarget, ...]:
    """The Applications, each with the objects it applies in part.

    Args:
        targets: all Applications of a run.
        system: the rules for all of them.
        known: the last deployment and the cluster.

    A rule that cannot be evaluated breaks the Applications it is about.
    """
    shared = (*system, *implied_rules(_all_manifests(targets, known.inventory)))

    def one(target: ApplicationTarget) -> ApplicationTarget:
        # what is replaced is created anew, with all its fields
        manifests = [each for each in target.manifests if each.key not in target.replacements]
        rules = (*target.spec.ignore_differences, *shared)
        try:
            found = partials(manifests, rules, known, jq=jq)
        except ConfigError as error:
            subject = f"{target.subject}: {error.subject}"
            return target.broken(ConfigError(subject, error.reason, remedy=error.remedy))
        return replace(target, partials=_by_client(target, found, known.owners))

    with Jq() as jq:
        return tuple(one(target) for target in targets)


def partials(
    manifests: Iterable[Manifest],
    rules: Sequence[IgnoreRule],
    known: LastAndLive,
    *,
    jq: Jq | None = None,
) -> dict[ResourceKey, Partial]:
    """The objects that are applied in part; nothing is asked of the cluster where no rule matches.

    Raises:
        ConfigError: a jq expression does not end, selects no field, or selects the whole object.
        ClusterError: the cluster does not say whether an object is there.
    """
    if jq is None:
        with Jq() as own:
            return partials(manifests, rules, known, jq=own)
    found = list(_about(manifests, rules))
    live = known.owners.of(each.key for each, _ in found) if known.owners else {}
    result: dict[ResourceKey, Partial] = {}
    for manifest, about in found:
        last = known.inventory.objects.get(manifest.key)
        if manifest.key not in live and (known.owners or last is None):
            continue  # not there yet: all its fields
        part = partial(
            manifest.body,
            about,
            last=last.body if last else None,
            live=live.get(manifest.key),
            jq=jq,
        )
        if part is not None:
            result[manifest.key] = part
    return result


def _by_client(
    target: ApplicationTarget, found: Mapping[ResourceKey, Partial], owners: LiveOwners | None
) -> dict[ResourceKey, Partial]:
    """What is applied in part, with live values where it is applied client-side."""
    keys = [
        key
        for key, part in found.items()
        if part.last is None and target.options_for(key).client_side
    ]
    live = owners.find(keys) if owners and keys else {}
    bodies = {each.key: each.body for each in target.manifests if each.key in live}
    return {
        key: with_live_values(part, bodies[key], live[key]) if key in live else part
        for key, part in found.items()
    }


def _about(
    manifests: Iterable[Manifest], rules: Sequence[IgnoreRule]
) -> Iterator[tuple[Manifest, tuple[IgnoreRule, ...]]]:
    """The objects any rule is about, with those rules; kinds are few, and decide for most."""
    by_kind: dict[tuple[str, str], list[IgnoreRule]] = {}
    for manifest in manifests:
        kind = (manifest.key.group, manifest.key.kind)
        if kind not in by_kind:
            by_kind[kind] = [rule for rule in rules if rule.matches_kind(*kind)]
        about = matching(by_kind[kind], manifest.key)
        if about:
            yield manifest, about


def _all_manifests(
    targets: Sequence[ApplicationTarget], inventory: Inventory
) -> Iterator[Manifest]:
    for target in targets:
        yield from target.manifests
        if target.error is not None:  # its objects stay, autoscalers among them
            for found in inventory.of_application(target.spec.name):
                yield Manifest.from_body(dict(found.body))
