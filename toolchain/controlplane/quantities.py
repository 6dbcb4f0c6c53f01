"""How much is a Kubernetes quantity such as ``10Gi``?

Called where two sizes of storage are compared. The grammar is that of the Kubernetes API
documentation, "Quantity": a number with a binary or decimal suffix or an exponent.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parse(text: str) -> Decimal:
    """The number a quantity stands for.

    Raises:
        ValueError: it is no quantity.
    """
    for suffix, power in _BINARY.items():
        if text.endswith(suffix):
            return _number(text[: -len(suffix)], text) * Decimal(1024) ** power
    if text[-1:] in _DECIMAL:
        return _number(text[:-1], text).scaleb(_DECIMAL[text[-1]])
    return _number(text, text)


def _number(digits: str, text: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no quantity") from error
