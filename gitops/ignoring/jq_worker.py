"""Answers one line of JSON after another with the paths a jq expression selects in a document.

Run as a program of its own by ``jq_paths``, because an expression may loop for ever and nothing
inside a process can stop it. A line is ``[expression, document]``; the answer is
``{"paths": [...]}`` or ``{"error": text}``.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import resource
import sys
from typing import Any

MEMORY = 1 << 30
PATHS = "[path(\n{}\n)]"  # the line breaks end a comment in the expression


def program(expression: str) -> Any:
    """The compiled program that lists the paths an expression selects.

    Raises:
        ValueError: the expression is no jq.
    """
    jq = importlib.import_module("jq")  # it has no types, and most runs need none of it
    jq.compile(expression)  # by itself first: brackets must not close those around it
    return jq.compile(PATHS.format(expression))


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ.clear()  # $ENV is empty, as in ArgoCD
    compiled = functools.lru_cache(maxsize=256)(program)
    for line in sys.stdin:
        expression, document = json.loads(line)
        try:
            answer = {"paths": compiled(expression).input_value(document).first()}
        except ValueError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
