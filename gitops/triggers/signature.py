"""Does a delivery really come from whoever knows the secret?

Called with the raw bytes, before anything of them is read. Sources: GitHub, "Validating webhook
deliveries"; GitLab, "Webhooks" (secret token, signing token); Gitea, "Webhooks"; Bitbucket, "Secure
webhooks"; the Standard Webhooks specification, which the generic form and GitLab's signing token
follow. Every comparison takes the same time, whatever is wrong.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

TOLERANCE = timedelta(minutes=5)
_SEALED = "whsec_"


class Forge(StrEnum):
    """Who sends."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    BITBUCKET = "bitbucket"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A request: its headers by lower-case name, and its body as it came."""

    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """One header; empty where it is not there."""
        return self.headers.get(name.lower(), "")


class RefusedError(Exception):
    """A delivery is not taken; ``status`` is what the forge is answered.

    The text is for our log. Whoever sends is not told more than the status says.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def verify(forge: Forge, envelope: Envelope, secret: bytes, *, now: datetime) -> str:
    """Check a delivery.

    Args:
        forge: whose form it has.
        envelope: the request.
        secret: what we share with the forge.
        now: the time, with its zone.

    Returns:
        What is the same when the delivery is sent again, whatever else is changed about it.

    Raises:
        RefusedError: it is not signed, signed with another secret, or too old.
    """
    if not secret.strip():
        raise RefusedError(503, "the secret is empty")
    if forge is Forge.GENERIC or (forge is Forge.GITLAB and envelope.header("webhook-signature")):
        return _standard(envelope, secret, now)
    if forge is Forge.GITLAB:
        return _token(envelope, secret)
    names = {
        Forge.GITHUB: "X-Hub-Signature-256",
        Forge.GITEA: "X-Gitea-Signature",
        Forge.BITBUCKET: "X-Hub-Signature",
    }
    given = envelope.header(names[forge])
    wanted = hmac.new(secret, envelope.body, hashlib.sha256).hexdigest()
    if forge is not Forge.GITEA:
        wanted = f"sha256={wanted}"
    _compare(given, wanted, names[forge])
    return wanted


def _token(envelope: Envelope, secret: bytes) -> str:
    given = envelope.header("X-Gitlab-Token")
    _compare(given, secret.decode(errors="replace"), "X-Gitlab-Token")
    # the token signs nothing, so what GitLab calls the delivery counts as long as it says so
    name = envelope.header("X-Gitlab-Event-UUID") or envelope.header("Idempotency-Key")
    return name or hashlib.sha256(envelope.body).hexdigest()


def _standard(envelope: Envelope, secret: bytes, now: datetime) -> str:
    name, moment = envelope.header("webhook-id"), envelope.header("webhook-timestamp")
    signed = f"{name}.{moment}.".encode() + envelope.body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(digest).decode()}"
    # a header may hold several, while a secret is changed
    given = envelope.header("webhook-signature").split()
    if not name or not any(_same(each, wanted) for each in given):
        raise RefusedError(401, "webhook-signature is missing or wrong")
    _check_age(moment, now)
    return wanted


def _key(secret: bytes) -> bytes:
    text = secret.decode(errors="replace")
    if not text.startswith(_SEALED):
        return secret
    try:
        return base64.b64decode(text.removeprefix(_SEALED), validate=True)
    except binascii.Error as error:
        raise RefusedError(503, "the secret begins with whsec_ and is no Base64") from error


def _check_age(moment: str, now: datetime) -> None:
    try:
        sent = datetime.fromtimestamp(int(moment), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RefusedError(400, "webhook-timestamp is no time") from error
    if abs(now - sent) > TOLERANCE:
        raise RefusedError(401, f"webhook-timestamp is {moment}, more than 5 minutes off")


def _compare(given: str, wanted: str, header: str) -> None:
    if not _same(given, wanted):
        raise RefusedError(401, f"{header} is {'wrong' if given else 'missing'}")


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
