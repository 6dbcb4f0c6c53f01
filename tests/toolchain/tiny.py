"""A tool of the tests' own, small enough to be built by the real Go in a second.

``python -m tests.toolchain.tiny <folder>`` installs it in a process of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from toolchain.install import install
from toolchain.tools import GoBuild, ModuleFiles, PathCheck, Release, Tool

VERSION = "1.4.2"


def write_module(folder: Path) -> Path:
    """A Go module whose program prints its version."""
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module home-ops.local/tiny\n\ngo 1.26.0\n")
    (folder / "go.sum").touch()
    (folder / "main.go").write_text(
        'package main\n\nvar version = "0.0.0"\n\nfunc main() { println("tiny v" + version) }\n'
    )
    return folder


def tiny(
    module: Path | None,
    *,
    name: str = "tiny",
    release: Release | None = None,
    path_check: PathCheck | None = None,
    files: tuple[ModuleFiles, ...] = (),
    optional: bool = False,
) -> Tool:
    """The tool, built from a module when one is given."""
    build = None
    if module is not None:
        variables = {"main.version": VERSION}
        build = GoBuild(folder=str(module), package=".", variables=variables, files=files)
    return Tool(
        name=name,
        version=VERSION,
        path_check=path_check,
        release=release,
        build=build,
        optional=optional,
        without="nothing greets anybody",
    )


if __name__ == "__main__":
    failed = install([tiny(Path(sys.argv[1]))], progress=sys.stderr, checkout=None)
    sys.exit(1 if failed else 0)
