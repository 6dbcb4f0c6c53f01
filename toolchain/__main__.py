"""Is this Python new enough to run the toolchain at all?

Started by ``python3 -m toolchain``; asks before anything is imported that an older one cannot read.
"""

import sys


def main() -> int:
    """Run the command line, or say which Python is needed."""
    if sys.version_info < (3, 11):  # noqa: UP036  # the one place an older Python gets to
        print(
            "python3: this is Python %d.%d; run the toolchain with Python 3.11 or newer, "  # noqa: UP031
            "such as python3.11 -m toolchain" % sys.version_info[:2],
            file=sys.stderr,
        )
        return 1
    from toolchain.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
