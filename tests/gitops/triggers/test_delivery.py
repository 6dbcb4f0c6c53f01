"""A delivery counts when it is genuine, new, and about what the stack is made from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.triggers.delivery import Delivery, concerns, read, same
from gitops.triggers.memory import Allowance, Seen
from gitops.triggers.signature import TOLERANCE, Envelope, Forge, RefusedError, verify

CASES = sorted((Path(__file__).parents[2] / "testdata" / "triggers").iterdir())
NOW = datetime(2026, 1, 2, tzinfo=UTC)
SECRET = secrets.token_urlsafe(24).encode()
REPOSITORY = "https://git.example/home/ops"


def envelope(case: dict[str, Any], secret: bytes = SECRET, *, now: datetime = NOW) -> Envelope:
    """The request a forge would send with a secret."""
    body = b"" if case["body"] is None else json.dumps(case["body"]).encode()
    headers = {name.lower(): value for name, value in case["headers"].items()}
    moment = str(int(now.timestamp()))
    signed = f"{headers.get('webhook-id')}.{moment}.".encode() + body
    values = {
        "hex": hmac.new(secret, body, hashlib.sha256).hexdigest(),
        "standard": base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode(),
        "now": moment,
        "secret": secret.decode(),
    }
    return Envelope(headers={n: text.format(**values) for n, text in headers.items()}, body=body)


def load(path: Path) -> tuple[Forge, dict[str, Any]]:
    return Forge(path.name.partition("-")[0]), json.loads((path / "case.json").read_text())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_what_forges_send(path: Path) -> None:
    """Every forge's deliveries are checked by the headers it documents, and understood."""
    forge, case = load(path)
    sent = envelope(case)
    verify(forge, sent, SECRET, now=NOW)
    found = read(forge, sent)
    assert {
        "id": found.id,
        "event": found.event,
        "push": found.is_push,
        "concernsMain": concerns(found, REPOSITORY, "main"),
        "concernsRelease": concerns(found, REPOSITORY, "release"),
        "concernsDefault": concerns(found, REPOSITORY, "HEAD"),
    } == case["expected"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_what_somebody_else_sends(path: Path) -> None:
    """Another secret, no signature, or (where the forge signs) another body is refused."""
    forge, case = load(path)
    other = envelope(case, secrets.token_urlsafe(24).encode())
    sent = envelope(case)
    proof = ("signature", "x-gitlab-token")
    bare = {n: text for n, text in sent.headers.items() if not n.endswith(proof) and "256" not in n}
    refused = [other, Envelope(headers=bare, body=sent.body)]
    if "x-gitlab-token" not in sent.headers:
        refused.append(Envelope(headers=sent.headers, body=sent.body + b" "))
    for each in refused:
        with pytest.raises(RefusedError) as raised:
            verify(forge, each, SECRET, now=NOW)
        assert raised.value.status == 401


def test_the_example_in_the_documentation() -> None:
    """GitHub, "Validating webhook deliveries", gives a secret, a body and their signature."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    sent = Envelope(headers={"x-hub-signature-256": signature}, body=b"Hello, World!")
    found = verify(Forge.GITHUB, sent, b"It's a Secret to Everybody", now=NOW)
    assert found == signature


@given(st.binary(max_size=200), st.text(max_size=80))
def test_nothing_but_the_signature_is_taken(body: bytes, given_signature: str) -> None:
    """No body and no header that anybody makes up passes, and nothing but a refusal is raised."""
    for forge, name in ((Forge.GITHUB, "x-hub-signature-256"), (Forge.GITLAB, "x-gitlab-token")):
        with pytest.raises(RefusedError):
            verify(forge, Envelope(headers={name: given_signature}, body=body), SECRET, now=NOW)


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "ref",
                        "repository",
                        "project",
                        "push",
                        "changes",
                        "links",
                        "clone",
                        "new",
                        "name",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_a_genuine_body_holds(body: Any) -> None:
    """A body of any shape is read or refused; nothing else is raised."""
    headers = {"x-github-event": "push", "x-event-key": "repo:push"}
    for forge in (Forge.GITHUB, Forge.BITBUCKET, Forge.GENERIC):
        try:
            read(forge, Envelope(headers=headers, body=json.dumps(body).encode()))
        except RefusedError as error:
            assert error.status == 400


def test_an_old_delivery() -> None:
    """What is signed with a time is refused some minutes before and after it."""
    forge, case = load(next(path for path in CASES if path.name == "generic-ref"))
    sent = envelope(case)
    verify(forge, sent, SECRET, now=NOW + TOLERANCE)
    for moment in (NOW + TOLERANCE + timedelta(seconds=1), NOW - TOLERANCE - timedelta(seconds=1)):
        with pytest.raises(RefusedError, match="more than 5 minutes off"):
            verify(forge, sent, SECRET, now=moment)


def test_a_sealed_secret() -> None:
    """A secret as Standard Webhooks writes it is the key in Base64."""
    forge, case = load(next(path for path in CASES if path.name == "generic-ref"))
    written = b"whsec_" + base64.b64encode(SECRET)
    verify(forge, envelope(case), written, now=NOW)
    with pytest.raises(RefusedError, match="no Base64"):
        verify(forge, envelope(case), b"whsec_!", now=NOW)


def test_an_empty_secret_lets_nothing_in() -> None:
    """A Secret that nobody has filled yet is no secret that everybody knows."""
    forge, case = load(next(path for path in CASES if path.name == "github-push"))
    with pytest.raises(RefusedError) as raised:
        verify(forge, envelope(case, b""), b"", now=NOW)
    assert raised.value.status == 503


def test_a_form() -> None:
    """GitHub may send the JSON as a form; the signature is that of the form."""
    _, case = load(next(path for path in CASES if path.name == "github-push"))
    body = urlencode({"payload": json.dumps(case["body"])}).encode()
    signature = f"sha256={hmac.new(SECRET, body, hashlib.sha256).hexdigest()}"
    form = "application/x-www-form-urlencoded"
    headers = {"x-github-event": "push", "x-hub-signature-256": signature, "content-type": form}
    sent = Envelope(headers=headers, body=body)
    verify(Forge.GITHUB, sent, SECRET, now=NOW)
    assert read(Forge.GITHUB, sent).refs == {"refs/heads/main"}


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/home/ops",
        "https://git.example/home/ops.git/",
        "https://someone:word@git.example:8443/home/ops.git",
        "git@git.example:home/ops.git",
        "git.example:home/ops",
        "ssh://git@git.example:7999/home/ops.git",
        "https://git.example/scm/home/ops.git",
    ],
)
def test_one_repository_has_many_addresses(url: str) -> None:
    """Scheme, user, port, case and suffix do not tell repositories apart; host and path do."""
    assert same(url) == "git.example/home/ops"
    assert same("https://git.example/home/other") != same(url)


def test_a_delivery_without_details_counts() -> None:
    """Where a genuine delivery does not say what was pushed, a pass finds out."""
    told = Delivery(id="", event="push", is_push=True)
    assert concerns(told, REPOSITORY, "main")
    assert concerns(Delivery(id="", event="push", is_push=True), "", "")


def test_a_delivery_is_taken_once() -> None:
    """The same again is known by either of its names, until it is forgotten."""
    seen = Seen(kept=timedelta(hours=1), most=3)
    assert seen.add("a", "1", now=NOW)
    assert not seen.add("a", "2", now=NOW)
    assert not seen.add("b", "1", now=NOW)
    assert seen.add("a", now=NOW + timedelta(hours=2))
    for name in "cdef":
        assert seen.add(name, now=NOW + timedelta(hours=2))
    assert seen.add("", "", now=NOW)
    assert seen.add("", "", now=NOW)


def test_an_allowance_fills_up_again() -> None:
    """So many at once, then no more than come free with time, whatever the clock does."""
    allowance = Allowance(60)
    assert [allowance.take(now=NOW) for _ in range(61)] == [True] * 60 + [False]
    assert allowance.take(now=NOW + timedelta(seconds=1))
    assert not allowance.take(now=NOW + timedelta(seconds=1))
    assert not allowance.take(now=NOW - timedelta(hours=1))
