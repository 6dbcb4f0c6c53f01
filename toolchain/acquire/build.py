"""How is a tool built from pinned Go modules?

``go build`` with nothing left open: the versions of ``go.mod``, the contents ``go.sum`` names, no
C compiler, no other Go than the one found. Go's own build cache makes an interrupted build go on
where it stopped. Called by ``obtain`` when there is no release to download.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from toolchain import store
from toolchain.acquire.golang import GoFinder
from toolchain.errors import NotAvailableError
from toolchain.processes import ProcessError, output_of
from toolchain.progress import Step
from toolchain.tools import GoBuild, ModuleFiles, Platform, Tool

# the checksum database does not hold these; go.sum does, and every download is held against it
_NOT_IN_CHECKSUM_DATABASE = "github.com/pulumi/pulumi-kubernetes"


def build(tool: Tool, folder: Path, platform: Platform, *, go: GoFinder, step: Step) -> None:
    """Build a tool into an empty folder, with the files it reads beside it.

    Raises:
        NotAvailableError: there is no Go, a module cannot be had or is not the pinned one, or the
            build fails.
    """
    if tool.build is None:
        raise NotAvailableError("it is not built from source")
    command = go.find(step)
    step.doing("building from Go modules")
    modules = store.GO_FOLDERS / tool.build.folder
    environment = go_environment(platform, command)
    output = folder / tool.links[0]
    flags = _linker_flags(tool.build)
    try:
        output_of(
            [command, "build", "-ldflags", flags, "-o", output, tool.build.package],
            folder=modules,
            environment=environment,
        )
        for files in tool.build.files:
            unpacked = output_of(
                [command, "list", "-m", "-f", "{{.Dir}}", files.module],
                folder=modules,
                environment=environment,
            )
            _copy(files, Path(unpacked.strip()), folder)
    except ProcessError as error:
        raise NotAvailableError(f"the build from Go modules failed ({error})") from error


def go_environment(platform: Platform, command: Path) -> Mapping[str, str]:
    """The environment of a build: the user's proxy and cache settings, everything else ours."""
    environment = {name: value for name, value in os.environ.items() if name != "GOROOT"}
    skipped = [environment.get("GONOSUMDB", ""), _NOT_IN_CHECKSUM_DATABASE]
    return {
        **environment,
        "PATH": f"{command.parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "CGO_ENABLED": "0",
        "GOARCH": platform.arch,
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GONOSUMDB": ",".join(part for part in skipped if part),
        "GOOS": platform.os,
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _linker_flags(build: GoBuild) -> str:
    return " ".join(
        ["-s", "-w", *(f"-X {name}={value}" for name, value in build.variables.items())]
    )


def _copy(files: ModuleFiles, module: Path, folder: Path) -> None:
    source, target = module / files.source, folder / files.target
    pairs = [(source, target)]
    if files.pattern:
        found = sorted(source.glob(files.pattern))
        pairs = [(path, target / path.relative_to(source)) for path in found]
    for path, copy in pairs:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(0o755 if files.executable else 0o644)
