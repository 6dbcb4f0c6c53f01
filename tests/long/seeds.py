"""How random is a test, and how long? A run that failed is repeated with the seed it printed."""

from __future__ import annotations

import os
import random
import secrets

import pytest


def seeded(name: str, capsys: pytest.CaptureFixture[str]) -> random.Random:
    """A source of chance; ``HOME_OPS_TEST_SEED`` repeats an earlier one.

    Args:
        name: the test, for people.
        capsys: tells the seed as the test begins; where it fails it is told with what was captured.
    """
    seed = os.environ.get("HOME_OPS_TEST_SEED") or str(secrets.randbelow(10**6))
    told = f"{name}: HOME_OPS_TEST_SEED={seed}"
    with capsys.disabled():
        print(told, flush=True)
    print(told)
    return random.Random(seed)


def count(name: str, default: int) -> int:
    """How often; ``HOME_OPS_TEST_<NAME>`` asks for less, or for more."""
    return int(os.environ.get(f"HOME_OPS_TEST_{name}") or default)
