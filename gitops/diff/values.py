"""Do two values mean the same to the API server?

Called for single values of a target and of a live object. What an API server stores is not always
what it was sent: quantities and times come back in canonical form, bytes encoded anew, and fields
that Go leaves out when they are zero not at all (Kubernetes, "API Conventions"). Which fields hold
what is a matter of their names, as in ``gitops.deployment.applied``: there is no schema at hand.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from fractions import Fraction
from typing import Any

from gitops.deployment.applied import KEPT_ZEROS, OF_TEXTS, quantity

# Fields of type Quantity by their own name, and by the name of the mapping they are in.
_QUANTITIES = frozenset({"averageValue", "divisor", "sizeLimit", "targetValue"})
_OF_QUANTITIES_NAMES = """
allocatable capacity default defaultRequest hard limits max maxLimitRequestRatio min overhead
podFixed requests used
"""
_OF_QUANTITIES = frozenset(_OF_QUANTITIES_NAMES.split())
_HORIZONTAL_VALUES = frozenset({"target", "current"})  # ``value`` in the metrics of an autoscaler
_PORTS_AND_SHARES = frozenset(
    {"maxSurge", "maxUnavailable", "minAvailable", "port", "targetPort", "partition"}
)
_HUGE = re.compile(r"[eE][+-]?\d{4}|\d{100}")
_BYTES = frozenset({"caBundle"})
_DURATION = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {
    **{"ns": Fraction(1, 10**9), "us": Fraction(1, 10**6), "µs": Fraction(1, 10**6)},
    **{"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600)},
}
_DURATIONS = re.compile(
    r"(?i:after|age|before|delay|duration|grace|interval|period|retention|timeout|ttl|window)$"
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")

# Fields the API server fills in where they are empty or 0 (core, apps, batch, networking, storage,
# admission and RBAC groups; the functions SetDefaults_* of k8s.io/kubernetes and allocation).
_FILLED_NAMES = """
apiGroup apiVersion clusterIP clusterIPs completionMode concurrencyPolicy dnsPolicy
externalTrafficPolicy failurePolicy failureThreshold healthCheckNodePort imagePullPolicy
internalTrafficPolicy ipFamilies ipFamilyPolicy kind matchPolicy nodePort path pathType
periodSeconds persistentVolumeReclaimPolicy podManagementPolicy policyTypes preemptionPolicy
procMount protocol reclaimPolicy reinvocationPolicy restartPolicy schedulerName scheme scope
serviceAccount sessionAffinity successThreshold targetPort terminationMessagePath
terminationMessagePolicy timeoutSeconds type volumeBindingMode volumeMode volumeName
"""
_FILLED = frozenset(_FILLED_NAMES.split())


def identical(target: Any, live: Any) -> bool:
    """Whether two JSON values are the same; 1 and 1.0 are, 1 and true are not."""
    if isinstance(target, dict) and isinstance(live, dict):
        return target.keys() == live.keys() and all(
            identical(v, live[k]) for k, v in target.items()
        )
    if isinstance(target, list) and isinstance(live, list):
        return len(target) == len(live) and all(map(identical, target, live))
    return isinstance(target, bool) is isinstance(live, bool) and bool(target == live)


def is_empty(value: Any) -> bool:
    """Whether a value says no more than no value at all: null, an empty mapping or list."""
    return value is None or value in ({}, [])


def means_missing(value: Any, *, field: str, within: str, built_in: bool) -> bool:
    """Whether the API server stores nothing for a value.

    Args:
        value: one of a target.
        field: the field's name.
        within: the name of the field it is in.
        built_in: the kind is one of Kubernetes' own; a custom resource keeps its zeros.
    """
    if is_empty(value):
        return True
    if isinstance(value, dict):
        parts = value.items()
        return all(means_missing(v, field=k, within=field, built_in=built_in) for k, v in parts)
    is_zero = value is False or (not isinstance(value, bool) and value in (0, ""))
    return built_in and is_zero and field not in KEPT_ZEROS and within not in OF_TEXTS


def is_filled_in(value: Any, *, field: str, within: str, built_in: bool) -> bool:
    """Whether the API server puts a value of its own in the place of a target's."""
    if value is None:
        return True
    is_zero = not isinstance(value, bool) and value in (0, "", [])
    return built_in and is_zero and field in _FILLED and within not in OF_TEXTS


def same_scalar(target: Any, live: Any, *, field: str, within: str, in_bytes: bool = False) -> bool:
    """Whether two values that are no mappings and lists mean the same.

    Args:
        target: the target's.
        live: the cluster's.
        field: the field's name, which says what it holds.
        within: the name of the field it is in.
        in_bytes: what is in that field is encoded in base64.
    """
    if identical(target, live):
        return True
    if isinstance(target, bool) or isinstance(live, bool):
        return False
    if in_bytes or field in _BYTES:
        return bool(_bytes(target) == _bytes(live))
    if within in OF_TEXTS:
        return False
    if _is_quantity(field, within):
        return bool(_quantity(target) == _quantity(live))
    if field in _PORTS_AND_SHARES:
        return str(target) == str(live)
    if isinstance(target, str) and isinstance(live, str):
        return _same_time(target, live) or (
            _same_duration(target, live) if _lasts(field) else False
        )
    return False


def _is_quantity(field: str, within: str) -> bool:
    if within in _OF_QUANTITIES or field in _QUANTITIES:
        return True
    return field == "value" and within in _HORIZONTAL_VALUES


def _quantity(value: Any) -> Any:
    # ten to a power of many digits would take for ever
    return value if _HUGE.search(str(value)) else quantity(value)


def _bytes(value: Any) -> Any:
    try:
        return base64.b64decode("".join(str(value).split()), validate=True)
    except (binascii.Error, ValueError):
        return value


def _same_time(target: str, live: str) -> bool:
    if not _TIME.fullmatch(target) or not _TIME.fullmatch(live):
        return False
    try:
        return dt.datetime.fromisoformat(target) == dt.datetime.fromisoformat(live)
    except ValueError:
        return False


def _lasts(field: str) -> bool:
    return _DURATIONS.search(field) is not None


def _same_duration(target: str, live: str) -> bool:
    return None is not _seconds(target) == _seconds(live)


def _seconds(text: str) -> Fraction | None:
    """A duration as Go writes it (``1h0m0s``), in seconds."""
    if not _DURATION.fullmatch(text):
        return None
    total = sum(
        (Fraction(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(text)), Fraction(0)
    )
    return -total if text.startswith("-") else total
