"""What value does one YAML scalar stand for, and which text is it as a key?

The rules of goyaml.v2's ``resolve`` and of sigs.k8s.io/yaml's conversion to JSON, in that order.
Called by ``yaml_reader`` for every plain or tagged scalar.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from decimal import Decimal
from typing import Any

TAG_PREFIX = "tag:yaml.org,2002:"

_WORDS: dict[str, Any] = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_MAY_BE_NUMBER = frozenset("+-.0123456789")
_DOTTED = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_SIGNED_BINARY = re.compile(r"0b([-+][01]+)")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].+)?")
_BASES = (16, 2, 8, 10)
_TAGS: dict[str, type] = {"bool": bool, "int": int, "float": float, "null": type(None)}
_LARGEST_SINGLE = 3.4e38
_LARGE_EXPONENT = 6  # from here on Go writes an exponent
_LONGEST_NUMBER = 4_000  # Python refuses to convert much longer texts


def plain_value(text: str) -> Any:
    """The value of an unquoted scalar without a tag, as JSON can hold it.

    Raises:
        ValueError: it is an infinity or no number, which JSON cannot hold.
    """
    value = _resolved(text)
    return _json_number(value, text) if type(value) is int or type(value) is float else value


def tagged_value(tag: str, text: str) -> Any:
    """The value of a scalar with a tag, quoted or not.

    Raises:
        ValueError: the tag is not known, or the text is nothing it can hold.
    """
    name = tag.removeprefix(TAG_PREFIX)
    if name in ("str", "merge", "!") or (name == "timestamp" and _TIMESTAMP.fullmatch(text)):
        return text
    if name == "binary":
        return _binary(text)
    if name not in _TAGS:
        raise ValueError(f"tag {tag} is not known")
    value = _resolved(text)
    if name == "float" and type(value) is int and _fits(value):
        value = float(value)
    if type(value) is not _TAGS[name]:
        raise ValueError(f"{text!r} is no {name}")
    return _json_number(value, text) if isinstance(value, int | float) else value


def key_text(text: str) -> str:
    """The text that an unquoted scalar becomes as a mapping's key.

    Raises:
        ValueError: JSON has no such key: null, or a number too large.
    """
    value = _resolved(text)
    if value is None:
        raise ValueError("null is no key")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _shortest_text(value)
    if isinstance(value, int) and not _fits(value):
        raise ValueError(f"{text} is too large for a key")
    return str(value)


def _resolved(text: str) -> Any:
    """What goyaml's ``resolve`` makes of a text, before JSON."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _MAY_BE_NUMBER else text


def _number(text: str) -> int | float | str:
    """The number a text stands for, or the text itself."""
    if text[0] == "." and not _DOTTED.fullmatch(text):
        return text
    digits = text.replace("_", "")
    if len(digits) <= _LONGEST_NUMBER and (found := _INTEGER.fullmatch(digits)):
        sign, *groups = found.groups()
        value = next(int(part, base) for part, base in zip(groups, _BASES, strict=True) if part)
        if _fits(-value) if sign == "-" else _fits(value):
            return -value if sign == "-" else value
        if not sign and value < 2**64:
            return value
    if _FLOAT.fullmatch(digits):
        return text if math.isinf(float(digits)) else float(digits)
    if found := _SIGNED_BINARY.fullmatch(digits):
        return int(found[1], 2)
    return text


def _fits(value: int) -> bool:
    return -(2**63) <= value < 2**63


def _json_number(value: float, text: str) -> bool | int | float:
    """A number as it is read again from its JSON text: an integer if whole and of 64 bits."""
    if isinstance(value, int):
        return value if _fits(value) else float(value)
    if not math.isfinite(value):
        raise ValueError(f"JSON has no number {text}")
    if value.is_integer() and abs(value) < 2**63:
        return int(Decimal(repr(value)))
    return value


def _binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("!!binary is no base64 of UTF-8 text") from error


def _shortest_text(value: float) -> str:
    """A float the way Go's ``FormatFloat(value, 'g', -1, 32)`` writes it."""
    if not math.isfinite(value) or abs(value) > _LARGEST_SINGLE:
        raise ValueError(f"{value} is no key")
    single = struct.pack("f", value)
    texts = (f"{value:.{precision}e}" for precision in range(9))
    shortest = next(text for text in texts if struct.pack("f", float(text)) == single)
    exponent = int(shortest.partition("e")[2])
    number = Decimal(shortest)
    return f"{number:f}" if -4 <= exponent < _LARGE_EXPONENT else shortest
