"""ArgoCD's annotations: a wrong one breaks its Application and no other, the others are applied."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.live import Body

pytestmark = pytest.mark.e2e

PREFIX = "argocd.argoproj.io/"
WRONG: Mapping[str, tuple[dict[str, str], str]] = {
    "unknown": (
        {f"{PREFIX}sync-waves": "1"},
        f"the annotation {PREFIX}sync-waves is not known; use one of {PREFIX}compare-options",
    ),
    "option": (
        objects.options("Prun=false"),
        'holds "Prun=false", which is not known; use one of Delete, Force, Prune',
    ),
    "value": (
        objects.options("Prune=maybe"),
        '"Prune=maybe" has a wrong value; use one of true, false, confirm',
    ),
    "place": (
        objects.options("CreateNamespace=true"),
        "which only an Application can have; use one of Delete, Force, Prune",
    ),
    "compare": (
        {f"{PREFIX}compare-options": "IgnoreExtranous"},
        'holds "IgnoreExtranous"; use one of IgnoreExtraneous',
    ),
    "health": (
        {f"{PREFIX}ignore-healthcheck": "yes"},
        f"{PREFIX}ignore-healthcheck is 'yes'; use 'true' or 'false'",
    ),
}
ACCEPTED: Mapping[str, dict[str, str]] = {
    "compare": {f"{PREFIX}compare-options": "IgnoreExtraneous,ServerSideDiff=true"},
    "webhooks": {f"{PREFIX}compare-options": "IncludeMutationWebhook=true"},
    "health": {f"{PREFIX}ignore-healthcheck": "true"},
    "restart": {f"{PREFIX}ignore-restart-policy": "true"},
    "paths": {f"{PREFIX}manifest-generate-paths": "."},
    "updates": {f"{PREFIX}ignore-resource-updates": "true"},
    "links": {"link.argocd.argoproj.io/external-link": "https://jellyfin.example"},
    "options": objects.options("Validate=true", "RespectIgnoreDifferences=true"),
    "last": objects.options("PruneLast=true", "SkipDryRunOnMissingResource=true"),
}


def annotated(annotations: Mapping[str, Mapping[str, str]]) -> list[Body]:
    """A ConfigMap for each entry."""
    return [
        objects.config_map(f"with-{name}", annotations=given) for name, given in annotations.items()
    ]


def test_wrong_annotations_break_their_own_application(checkout: Checkout) -> None:
    """The object, the mistake and what is allowed are said; all other Applications are applied with
    the annotations Git gives them, and nothing is left to do when the mistakes are gone."""
    for name, (given, _) in WRONG.items():
        beside = objects.config_map(f"beside-{name}")
        checkout.write(name, objects.config_map(name, annotations=given), beside)
    checkout.write("fine", *annotated(ACCEPTED))
    run = checkout.up().failed()
    for name, (_, said) in WRONG.items():
        (message,) = run.messages(f"{checkout.id}/{name}")
        assert f"{checkout.id}/{name}: ConfigMap {checkout.namespace}/{name}: " in message
        assert said in message
    found = {key.name: body for key, body in checkout.live.owned(checkout.stack).items()}
    assert found.keys() == {f"with-{name}" for name in ACCEPTED}
    for name, given in ACCEPTED.items():
        assert given.items() <= found[f"with-{name}"]["metadata"]["annotations"].items()
    for name in WRONG:
        checkout.write(name, objects.config_map(name), objects.config_map(f"beside-{name}"))
    checkout.twice()
    assert {f"beside-{name}" for name in WRONG} <= {
        key.name for key in checkout.live.owned(checkout.stack)
    }


@pytest.mark.parametrize(
    ("options", "annotations", "said"),
    [
        (["Prun=false"], {}, 'sync option "Prun" is not known; use one of ApplyOutOfSyncOnly'),
        (["Prune=maybe"], {}, '"Prune=maybe" has a wrong value; use one of true, false, confirm'),
        (["Timeout=soon"], {}, '"Timeout=soon" is no number of seconds; write "Timeout=600"'),
        ([], {f"{PREFIX}skip-reconcile": "true"}, "an Application in Git is always synced"),
        (
            [],
            {f"{PREFIX}sync-wawe": "1"},
            f"the annotation {PREFIX}sync-wawe is not known; use one of",
        ),
    ],
)
def test_a_set_with_a_mistake_stops_the_run(
    checkout: Checkout, options: list[str], annotations: dict[str, str], said: str
) -> None:
    """What is wrong whatever the directory is an error of the config that names the set."""
    found = application_set(options=options)
    found["template"]["metadata"]["annotations"] = annotations
    checkout.configure(found)
    checkout.write("app", objects.config_map("settings"))
    run = checkout.preview().failed()
    (message,) = run.messages("config home-ops:applicationSets[apps]")
    assert said in message
    assert run.created == []


def test_what_a_template_makes_of_one_directory(checkout: Checkout) -> None:
    """An annotation filled in with a directory's name breaks the Applications it is wrong for."""
    found = application_set()
    found["template"]["metadata"]["annotations"] = {f"{PREFIX}sync-wave": "{{path.basename}}"}
    checkout.configure(found)
    checkout.write("1", objects.config_map("first"))
    checkout.write("second", objects.config_map("second"))
    run = checkout.up().failed()
    (message,) = run.messages(f"{checkout.id}/second")
    assert f"{PREFIX}sync-wave is 'second'; use a whole number" in message
    assert {key.name for key in checkout.live.owned(checkout.stack)} == {"first"}
