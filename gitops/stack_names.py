"""What is the stack of the definitions called?"""

from __future__ import annotations

SUFFIX = "-definitions"


def is_definitions_stack(stack: str) -> bool:
    """Whether a stack holds the definitions of another."""
    return stack.endswith(SUFFIX)


def main_stack(stack: str) -> str:
    """The stack whose definitions a stack holds; any other stack itself."""
    return stack.removesuffix(SUFFIX)


def definitions_stack(stack: str) -> str:
    """The stack that holds the definitions of a stack."""
    return f"{stack}{SUFFIX}"
