"""Is there a program on PATH already that will do?

Called by ``toolchain.install`` for every tool that can tell its version.
"""

from __future__ import annotations

import re
from pathlib import Path

from toolchain import store
from toolchain.processes import ProcessError, output_of
from toolchain.tools import Fit, Tool

Version = tuple[int, int, int]


def version_in(text: str) -> Version | None:
    """The first version with three numbers in what a program printed."""
    found = re.search(r"(?<![\d.])(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def fits(offered: Version, wanted: Version, fit: Fit) -> bool:
    """Whether a program of the offered version does the work of the wanted one."""
    if fit is Fit.SAME_MINOR:
        return offered[:2] == wanted[:2]
    return offered[0] == wanted[0] and offered[1] >= wanted[1]


def fitting(tool: Tool) -> Path | None:
    """The program on PATH to use for a tool; None when there is none, or none that fits.

    A program that cannot be asked, answers nonsense or takes ten seconds does not fit.
    """
    check = tool.path_check
    found = store.on_path(tool.name) if check else None
    if check is None or found is None:
        return None
    asked = found.resolve().with_name(check.beside) if check.beside else found
    try:
        offered = version_in(output_of([asked, *check.arguments], timeout=10))
    except ProcessError:
        return None
    wanted = version_in(check.version or tool.version)
    if offered is None or wanted is None:
        return None
    return found if fits(offered, wanted, check.fit) else None
