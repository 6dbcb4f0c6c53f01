"""How long does it take, and what does it need? ``make bench``, or ``python -m benchmarks``.

Runs only what a user runs: the repository's program, its own render, and ``kubectl`` to compare.
"""
