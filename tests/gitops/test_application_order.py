"""Which Application waits for which: declared, by wave, and because of admission webhooks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops.application import Source
from gitops.application_order import application_order, in_order
from gitops.application_target import ApplicationTarget
from gitops.errors import ManifestError
from gitops.objects.manifest import Manifest
from gitops.syncing.webhooks import plural_of
from tests.gitops.objects import SYNC_WAVE, an_object, application, config_map, definition


def app(
    name: str, *objects: dict[str, Any], needs: tuple[str, ...] = (), wave: str = ""
) -> ApplicationTarget:
    """An Application ``media/<name>`` named ``local-<name>``."""
    spec = replace(
        application(f"local-{name}"),
        source=Source(path=f"apps/media/{name}"),
        depends_on=needs,
        annotations={SYNC_WAVE: wave} if wave else {},
    )
    return ApplicationTarget(
        spec=spec, manifests=tuple(Manifest.from_body(each) for each in objects)
    )


def declared(*targets: ApplicationTarget) -> dict[str, list[str]]:
    order = application_order(targets)
    assert order.errors == {}
    return {short(name): [short(each) for each in names] for name, names in order.declared.items()}


def inferred(*targets: ApplicationTarget) -> list[str]:
    order = application_order(targets)
    return [
        f"{short(name)}→{short(each)}" for name, names in order.inferred.items() for each in names
    ]


def short(name: str) -> str:
    return name.removeprefix("local-")


def test_names_and_subjects() -> None:
    """An Application is named by its directory or by its name; twice is once."""
    found = declared(app("a", needs=("media/b", "local-c", "local-b")), app("b"), app("c"))
    assert found == {"a": ["b", "c"]}


def test_an_unknown_name_is_refused() -> None:
    """The error names what is close."""
    order = application_order([app("jellyfin"), app("a", needs=("media/jellyfim",))])
    assert str(order.errors["local-a"]) == (
        "media/a: dependsOn holds 'media/jellyfim', and there is no such Application; use its "
        'category/app or its name; did you mean "media/jellyfin"?'
    )


def test_waves_of_applications() -> None:
    """Each wave waits for the nearest one before; without the annotation it is wave 0."""
    found = declared(app("a", wave="-5"), app("b"), app("c", wave="0"), app("d", wave="10"))
    assert found == {"b": ["a"], "c": ["a"], "d": ["b", "c"]}


def test_one_wave_orders_nothing() -> None:
    """Where all are in one wave, nobody waits."""
    assert declared(app("a"), app("b")) == {}
    assert declared(app("a", wave="3"), app("b", wave="3")) == {}


@pytest.mark.parametrize(
    ("targets", "cycle"),
    [
        ([app("a", needs=("media/a",))], "media/a → media/a"),
        (
            [
                app("a", needs=("media/b",)),
                app("b", needs=("media/c",)),
                app("c", needs=("local-a",)),
            ],
            "media/a → media/b → media/c → media/a",
        ),
        (
            [app("a", needs=("media/b",)), app("b", wave="1")],
            "media/a → media/b → media/a",
        ),
    ],
)
def test_a_cycle_is_printed(targets: list[ApplicationTarget], cycle: str) -> None:
    """Every Application of a cycle is broken, and others that are in none go on."""
    found = {each.spec.name: each.error for each in in_order([*targets, app("z")])}
    assert found.pop("local-z") is None or "1" in cycle
    for target in targets:
        assert str(found[target.spec.name]).startswith(
            f"{target.subject}: waits for itself: {cycle};"
        )


def test_others_go_on_beside_a_cycle() -> None:
    """Only what depends on the cycle is held."""
    targets = in_order(
        [
            app("a", needs=("media/b",)),
            app("b", needs=("media/a",)),
            app("c", needs=("media/a",)),
            app("d"),
        ]
    )
    assert [each.error is None for each in targets] == [False, False, False, True]


def test_dependents_of_a_broken_application_are_left_as_they_are() -> None:
    """Also through others, each named with what it directly waits for."""
    broken = app("a").broken(ManifestError("media/a", "is wrong", remedy="correct it"))
    found = in_order([app("c", needs=("media/b",)), app("b", needs=("media/a",)), broken, app("d")])
    assert [str(each.error) for each in found] == [
        "media/c: left as it is: it waits for media/b, which is not synced; repair media/b",
        "media/b: left as it is: it waits for media/a, which is not synced; repair media/a",
        "media/a: is wrong; correct it",
        "None",
    ]


SERVICE = an_object("v1", "Service", "hook", namespace="operator")


def webhook(resources: str, group: str = "", **fields: Any) -> dict[str, Any]:
    """A webhook answered by that Service."""
    rule = {
        "operations": ["CREATE"],
        "apiGroups": [group],
        "apiVersions": ["*"],
        "resources": [resources],
    }
    service = {"namespace": "operator", "name": "hook"}
    return an_object(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "check",
        webhooks=[{"rules": [rule], "clientConfig": {"service": service}, **fields}],
    )


def user(**metadata: Any) -> ApplicationTarget:
    return app("user", config_map(namespace="media", **metadata))


@pytest.mark.parametrize(
    ("configuration", "labels", "waits"),
    [
        (webhook("configmaps"), {}, True),
        (webhook("*"), {}, True),
        (webhook("secrets"), {}, False),
        (webhook("configmaps", group="apps"), {}, False),
        (webhook("configmaps", objectSelector={"matchLabels": {"a": "b"}}), {}, False),
        (webhook("configmaps", objectSelector={"matchLabels": {"a": "b"}}), {"a": "b"}, True),
        (
            webhook(
                "configmaps",
                objectSelector={"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]},
            ),
            {"a": "b"},
            False,
        ),
        (
            webhook(
                "configmaps",
                namespaceSelector={
                    "matchExpressions": [
                        {
                            "key": "kubernetes.io/metadata.name",
                            "operator": "NotIn",
                            "values": ["media"],
                        }
                    ]
                },
            ),
            {},
            False,
        ),
    ],
)
def test_webhooks(configuration: dict[str, Any], labels: dict[str, str], *, waits: bool) -> None:
    """An Application with an object a webhook is asked about waits for the webhook's Service."""
    found = inferred(app("operator", configuration, SERVICE), user(labels=labels))
    assert found == (["user→operator"] if waits else [])


def test_webhooks_about_custom_resources() -> None:
    """The resource's name comes from its definition."""
    widget = app("user", an_object("example.com/v1", "Widget", "a", namespace="media"))
    operator = app("operator", webhook("widgets", "example.com"), SERVICE, definition())
    assert inferred(operator, widget) == ["user→operator"]


def test_webhooks_of_a_service_nobody_renders() -> None:
    """A backend that is not ours orders nothing."""
    assert inferred(app("operator", webhook("*")), user()) == []


def test_inferred_edges_never_close_a_cycle() -> None:
    """What is declared wins, and of two Applications that check each other one goes first."""
    operator = app("operator", webhook("*"), SERVICE, needs=("media/user",))
    assert inferred(operator, user()) == []
    other = {"namespace": "other", "name": "hook"}
    rules = webhook("*")["webhooks"][0]["rules"]
    second = an_object(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        "change",
        webhooks=[{"rules": rules, "clientConfig": {"service": other}}],
    )
    others = app("other", second, an_object("v1", "Service", "hook", namespace="other"))
    assert inferred(app("operator", webhook("*"), SERVICE), others) == ["operator→other"]


def test_a_failed_backend_holds_nobody() -> None:
    """Only what is declared holds."""
    broken = app("operator", webhook("*"), SERVICE)
    order = application_order([broken, user()])
    assert order.blocked(["local-operator"]) == {}
    assert order.awaited("local-user") == ("local-operator",)
    assert order.wanted == {"local-operator"}


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("ConfigMap", "configmaps"),
        ("Ingress", "ingresses"),
        ("NetworkPolicy", "networkpolicies"),
        ("StorageClass", "storageclasses"),
        ("Endpoints", "endpoints"),
        ("Gateway", "gateways"),
    ],
)
def test_plurals(kind: str, plural: str) -> None:
    """The API server's names of the kinds."""
    assert plural_of(kind) == plural
