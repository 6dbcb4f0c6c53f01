"""Which shard does a command mean?

Read by commands before anything else is loaded.
"""

from __future__ import annotations

import argparse
import os

INDEX = "JOB_COMPLETION_INDEX"


def add(parser: argparse.ArgumentParser) -> None:
    """Add ``--shard``."""
    parser.add_argument(
        "--shard",
        type=number,
        default=os.environ.get(INDEX) or None,
        metavar="NUMBER",
        help=f"a pass of one shard alone (default: ${INDEX}, else all, one after another)",
    )


def number(text: str) -> int:
    """The number of a shard, for argparse, which turns the error into its own."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a shard; they begin with 0")
    return int(text)
