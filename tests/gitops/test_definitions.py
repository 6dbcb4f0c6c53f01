"""Definitions that weigh on every run are worth a word."""

from __future__ import annotations

from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.deployment.definitions import LARGE, advice
from gitops.objects.manifest import Manifest
from gitops.target import Target
from tests.gitops.objects import application, config_map, definition


def target(*bodies: dict[str, Any]) -> Target:
    manifests = tuple(map(Manifest.from_body, bodies))
    return Target(applications=(ApplicationTarget(spec=application(), manifests=manifests),))


def test_advice() -> None:
    """Together they are large or not; nothing is said of a few small ones."""
    large = definition(annotations={"about": "x" * (LARGE // 2)})
    assert advice("main", target(definition(), config_map())) == ""
    words = advice("main", target(large, large, config_map()))
    assert words.startswith("stack main: its 2 definitions are 5 MB")
