"""What has to be known of a program to get it?

The words in which ``toolchain.pins`` describes each tool; read by everything else here.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from toolchain.errors import ToolchainError


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An operating system and a processor, in Go's words."""

    os: str
    arch: str


def this_platform() -> Platform:
    """The platform this runs on.

    Raises:
        ToolchainError: it is none of Linux and macOS on x86-64 and ARM64.
    """
    system = platform.system().lower()
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    if system not in {"linux", "darwin"} or machine is None:
        raise ToolchainError(
            f"{platform.system()} on {platform.machine()}",
            "the toolchain knows no tools for it",
            remedy="use Linux or macOS on x86-64 or ARM64",
        )
    return Platform(os=system, arch=machine)


class Fit(StrEnum):
    """How near the version of a program on PATH must be to ours."""

    SAME_MAJOR = "same major version, at least this minor"
    SAME_MINOR = "same major and minor version"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCheck:
    """How a program on PATH tells its version, and which ones will do.

    A program that cannot be asked itself belongs to the one named by ``beside``, in the same
    folder, which is then held against ``version``.
    """

    arguments: tuple[str, ...]
    fit: Fit
    beside: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An official download and the page that publishes its SHA-256.

    Both addresses may use ``{version}``, ``{os}``, ``{arch}`` and ``{suffix}``. ``checksums`` is a
    list of digests and file names, a lone digest, or GitHub's description of a release, which has
    the SHA-256 of each file. ``programs`` are taken out of the archive; a download that is no
    archive is the first of them.
    """

    url: str
    checksums: str
    programs: tuple[str, ...]
    systems: tuple[str, ...] = ("linux", "darwin")
    architectures: Mapping[str, str] = field(default_factory=dict, hash=False)
    suffixes: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFiles:
    """Files a tool reads at run time, copied out of a Go module into the tool's folder."""

    module: str
    source: str
    target: str
    pattern: str = ""
    executable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBuild:
    """A ``go build`` from the modules pinned in ``toolchain/go/<folder>``."""

    folder: str
    package: str
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    files: tuple[ModuleFiles, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One program: ``programs`` are the names a shell finds; ``plugin`` is Pulumi's name for it.

    An ``optional`` tool that cannot be had fails nothing; ``without`` says what is missing then.
    """

    name: str
    version: str
    path_check: PathCheck | None = None
    release: Release | None = None
    build: GoBuild | None = None
    programs: tuple[str, ...] = ()
    plugin: str = ""
    optional: bool = False
    without: str = ""

    @property
    def title(self) -> str:
        """What messages call it: ``kustomize 5.8.1``."""
        return f"{self.name} {self.version}"

    @property
    def links(self) -> tuple[str, ...]:
        """The names under which it stands on PATH."""
        return self.programs or (self.name,)
