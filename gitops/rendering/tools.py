"""How are kustomize and helm found and run?

Called by the renderers and the chart store. A tool sees neither the user's Helm settings nor a
kubeconfig nor the rest of the environment: what it writes must depend on its inputs alone.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops.errors import ToolError

TIMEOUT_SECONDS = 120.0
_NOISE = re.compile(
    r"(Error: )*(WARNING|level=WARN|time=|\d{4}/\d\d/\d\d |coalesce\.go|walk\.go|# Warning|"
    r"Use --debug flag|Helm stack trace|Usage:|Hang tight|Pulled:|Digest:)"
)
_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a process ended; ``returncode`` is ``None`` when it was ended for taking too long."""

    returncode: int | None
    stdout: bytes
    stderr: str


def find(name: str) -> str:
    """The absolute path of a tool on PATH.

    Raises:
        ToolError: it is not there.
    """
    found = shutil.which(name)
    if found is None:
        raise ToolError(name, "not found on PATH", remedy='run: eval "$(make env)"')
    return str(Path(found).absolute())


def identity(name: str) -> str:
    """What tells one build of a tool from another without running it: path, size and time.

    Raises:
        ToolError: the tool is not on PATH.
    """
    path = os.path.realpath(find(name))
    status = Path(path).stat()
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"


def environment(home: Path) -> dict[str, str]:
    """The environment a tool runs in: Helm's folders and temporary files below ``home``.

    An empty kubeconfig and a set namespace keep the namespace of whoever runs this out of charts.
    """
    config = home / "kubeconfig"
    config.touch(mode=0o600)
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "TMPDIR": str(temporary),
        "KUBECONFIG": str(config),
        "HELM_NAMESPACE": "default",
        "HELM_CONFIG_HOME": str(home / "config"),
        "HELM_CACHE_HOME": str(home / "cache"),
        "HELM_DATA_HOME": str(home / "data"),
        "HELM_PLUGINS": str(home / "plugins"),
        "KUSTOMIZE_PLUGIN_HOME": str(home / "plugins"),
        "GIT_TERMINAL_PROMPT": "0",
        "GOGC": "off",  # the tools live for a tenth of a second: collecting only costs,
        "GOMEMLIMIT": "512MiB",  # until a chart is so large that it pays
    }


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    timeout: float | None = None,
) -> Outcome:
    """Run a tool to its end; one that takes too long is ended with everything it started.

    Args:
        command: the program and its arguments.
        environment: all of its environment.
        directory: where it runs.
        timeout: the seconds it has; two minutes by default.

    Raises:
        ToolError: it cannot be started.
    """
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(
            command[0], f"cannot be started: {error.strerror}", remedy='run: eval "$(make env)"'
        ) from error
    return _finished(process, seconds=TIMEOUT_SECONDS if timeout is None else timeout)


def _finished(process: subprocess.Popen[bytes], *, seconds: float) -> Outcome:
    with process:
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return Outcome(returncode=None, stdout=b"", stderr=f"took over {seconds:g} seconds")
        except BaseException:
            _end(process)
            raise
    text = stderr.decode("utf-8", "replace")
    return Outcome(returncode=process.returncode, stdout=stdout, stderr=text)


def helm_for_kustomize(home: Path) -> Path:
    """A helm that says its version at once; everything else goes to the real one.

    kustomize asks for the version before each chart, which takes as long as rendering it.

    Raises:
        ToolError: helm is not on PATH or does not run.
    """
    helm = find("helm")
    script = home / "helm"
    version = _helm_version(helm, identity("helm"))
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = version ]; then echo {shlex.quote(version)}; '
        f'else exec {shlex.quote(helm)} "$@"; fi\n'
    )
    script.chmod(0o700)
    return script


@functools.lru_cache(maxsize=8)
def _helm_version(helm: str, _identity: str) -> str:
    """What a helm says its version is, asked once per build of it."""
    with tempfile.TemporaryDirectory(prefix="home-ops-helm-") as name:
        outcome = run(
            [helm, "version", "--short"],
            environment=environment(Path(name)),
            directory=Path(name),
        )
    if outcome.returncode != 0:
        raise ToolError(
            helm,
            f"does not run: {cause(outcome.stderr, hide=[])}",
            remedy='run: eval "$(make env)"',
        )
    return outcome.stdout.decode("utf-8", "replace").strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a tool and its children: they are the only members of its session."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def cause(stderr: str, *, hide: Sequence[Path]) -> str:
    """The cause in what a tool wrote to stderr, as one line; folders in ``hide`` are left out.

    Helm and kustomize wrap a cause in the command line that failed and in warnings: both go.
    """
    text = stderr
    for folder in hide:
        text = text.replace(f"{folder}/", "").replace(str(folder), ".")
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not _NOISE.match(line)]
    joined = " ".join(kept)
    joined = re.sub(r": unable to run: '.*", "", joined)
    joined = re.sub(r"^(Error: )+", "", joined.strip())
    joined = re.sub(r"(^|: )Error: ", r"\1", joined)
    return joined.strip() or "it failed without saying why"
