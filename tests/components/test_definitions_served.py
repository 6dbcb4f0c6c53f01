"""A run waits for kinds that are about to be served, and for no others."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

from cluster.connection import connect
from cluster.discovery import facts
from components import definitions_served
from components.definitions_served import require_definitions
from components.live_cluster import LiveCluster, Opened
from gitops.application_target import ApplicationTarget
from gitops.errors import OrderError
from gitops.objects.manifest import Manifest
from gitops.target import Target
from tests.e2e.objects import definition
from tests.gitops.objects import application

PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def test_what_is_about_to_be_served_is_waited_for(
    control_plane: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kind whose definition was applied a moment ago is waited for; one whose definition is not
    there stops the run at once, with what to do."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    group = f"served-{uuid.uuid4().hex[:8]}.example"
    there, absent = definition(group, "Widget"), definition(group, "Gadget")
    with connect() as connection:
        before = facts(connection)
        cluster = LiveCluster(lambda: Opened(connection, before))
        connection.post(PATH, json.dumps(there).encode())
        try:
            require(there, before=before, cluster=cluster)
            assert facts(connection).serves(group, "Widget")

            monkeypatch.setattr(definitions_served, "PATIENCE_SECONDS", 1000.0)
            began = time.monotonic()
            with pytest.raises(
                OrderError, match=rf"not have Gadget\.{group}, Widget\.{group}; run"
            ):
                require(there, absent, before=before, cluster=cluster)
            assert time.monotonic() - began < 500
        finally:
            connection.delete(f"{PATH}/{there['metadata']['name']}")


def require(*bodies: Any, before: Any, cluster: LiveCluster) -> None:
    target = Target(
        applications=(
            ApplicationTarget(
                spec=application(), manifests=tuple(map(Manifest.from_body, bodies)), inputs=""
            ),
        ),
        projects=(),
        errors=(),
        warnings=(),
    )
    require_definitions(target, before.served_kinds(), cluster, stack="home")
