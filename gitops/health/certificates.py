"""Is a certificate good, and will it be? Rules for cert-manager beside Ready and Issuing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gitops.health.fields import condition, moment, text
from gitops.health.status import Health, degraded, healthy


def certificate(live: Mapping[str, Any], now: datetime) -> Health | None:
    """Degraded once it is expired, though nobody may be left to say so, and where issuing failed.

    cert-manager, "Certificate Lifecycle" and CertificateStatus: ``notAfter`` is that of the
    certificate in the Secret. One whose renewal fails is Healthy till then, with the cause.
    """
    issuing = condition(live, "Issuing")
    has_failed = text(issuing, "status") == "False" and text(issuing, "reason") == "Failed"
    expiry = moment(live, "status", "notAfter")
    if expiry is not None and expiry < now:
        told = f"expired at {text(live, 'status', 'notAfter')}"
        return degraded(f"{told}: {text(issuing, 'message')}" if has_failed else told)
    if has_failed and text(condition(live, "Ready"), "status") == "True":
        return healthy(f"valid, but its renewal fails: {text(issuing, 'message')}")
    if has_failed:
        return degraded(f"not issued: {text(issuing, 'message')}")
    return None


def request(live: Mapping[str, Any]) -> Health | None:
    """Denied and InvalidRequest are for ever (cert-manager, "CertificateRequest", conditions)."""
    for kind in ("Denied", "InvalidRequest"):
        if text(found := condition(live, kind), "status") == "True":
            return degraded(f"{kind}: {text(found, 'message')}".removesuffix(": "))
    return None
