"""What would a first sync apply of an object that is in the cluster already?

The same steps the program takes for an object its state does not know: what sync options and ignore
rules leave out, and the annotations for the provider.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.comparison import shared_rules
from gitops.configuration.suggestions import did_you_mean
from gitops.errors import ConfigError
from gitops.ignoring.jq_paths import Jq
from gitops.ignoring.partial import partial
from gitops.ignoring.rules import IgnoreRule, matching, without_ignored
from gitops.objects.manifest import Manifest, annotations_of
from gitops.objects.namespaces import created_namespaces
from gitops.objects.steering import steering
from gitops.syncing.dropped_fields import without_dropped
from gitops.syncing.options import ObjectOptions
from gitops.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One object in Git, the Application it is part of, and what decides how it is applied; a
    namespace made by CreateNamespace is part of none."""

    application: str
    manifest: Manifest
    options: ObjectOptions = field(default_factory=ObjectOptions)
    rules: tuple[IgnoreRule, ...] = ()

    def applied(self, live: Mapping[str, Any], jq: Jq) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What is applied over a live object, and the fields of that which are ignored, as JSON
        pointers.

        Raises:
            ConfigError: an ignore rule cannot be evaluated.
        """
        body: Mapping[str, Any] = self.manifest.body
        if self.options.client_side and not self.options.validate:
            body = without_dropped(body, live)
        ignored: tuple[str, ...] = ()
        if self.rules:
            part = partial(body, self.rules, last=None, live=live, jq=jq)
            body = part.body if part else body
            _, ignored = without_ignored(live, self.rules, live, jq=jq)
        metadata = dict(body["metadata"])
        steered = steering(body, self.options.prune_propagation_policy)
        metadata["annotations"] = {**annotations_of(body), **steered}
        return _with_data({**body, "metadata": metadata}), ignored


def chosen(target: Target, names: Sequence[str]) -> list[ApplicationTarget]:
    """The Applications with these names or directories; all where none is given.

    Raises:
        ConfigError: there is no such Application in Git; the text suggests one.
    """
    if not names:
        return list(target.applications)
    known = {text: each for each in target.applications for text in (each.spec.name, each.subject)}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"Application {name}",
                "it is not in Git",
                remedy=f"`gitops app list` shows what there is{did_you_mean(name, known)}",
            )
    wanted = {known[name].spec.name for name in names}
    return [each for each in target.applications if each.spec.name in wanted]


def candidates(
    target: Target, applications: Collection[ApplicationTarget], system: Sequence[IgnoreRule]
) -> Iterator[Candidate]:
    """Every object a sync of some Applications applies.

    Args:
        target: what Git says.
        applications: those of it that are meant.
        system: the ignore rules of the config.
    """
    shared = shared_rules(target, system)
    for application in applications:
        rules = (*application.spec.ignore_differences, *shared)
        for manifest in application.manifests:
            yield Candidate(
                application=application.spec.name,
                manifest=manifest,
                options=application.options_for(manifest.key),
                rules=matching(rules, manifest.key),
            )
    rendered = {key.name for key in target.keys if (key.group, key.kind) == ("", "Namespace")}
    for namespace in created_namespaces((each.spec for each in applications), rendered=rendered):
        yield Candidate(application="", manifest=Manifest.from_body(dict(namespace.body)))


def _with_data(body: dict[str, Any]) -> dict[str, Any]:
    """A Secret with all its values in ``data``, which is how the provider applies it."""
    plain = body.get("stringData")
    if (body["apiVersion"], body["kind"]) != ("v1", "Secret") or not plain:
        return body
    encoded = {
        name: base64.b64encode(str(value).encode("utf-8", "surrogatepass")).decode()
        for name, value in plain.items()
    }
    kept = {name: value for name, value in body.items() if name != "stringData"}
    return {**kept, "data": {**(body.get("data") or {}), **encoded}}
