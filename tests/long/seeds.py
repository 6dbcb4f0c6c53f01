"""How random is a test, and how long? A run that failed is repeated with the seed it printed."""

from __future__ import annotations

import os
import random
import secrets


def seeded(name: str) -> random.Random:
    """A source of chance; ``HOME_OPS_TEST_SEED`` repeats an earlier one."""
    seed = os.environ.get("HOME_OPS_TEST_SEED") or str(secrets.randbelow(10**6))
    print(f"{name}: HOME_OPS_TEST_SEED={seed}", flush=True)
    return random.Random(seed)


def count(name: str, default: int) -> int:
    """How often; ``HOME_OPS_TEST_<NAME>`` asks for less, or for more."""
    return int(os.environ.get(f"HOME_OPS_TEST_{name}") or default)
