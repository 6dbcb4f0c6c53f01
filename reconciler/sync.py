"""How do the Applications a pass has decided about become what Git says?

Called by the pass, once it is known that something has to be done; only here the engine starts.
The engine believes its state, so what was changed or deleted in the cluster by hand is read anew
first, and only that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitops.applied import says_the_same
from gitops.comparison import Comparison, Why
from gitops.ignoring.partial import STEERING
from gitops.inventory import (
    APPLICATION_SET_TYPE,
    APPLICATION_TYPE,
    WAVE_TYPE,
    Inventory,
    from_export,
)
from gitops.manifest import Manifest, annotations_of
from gitops.target import Target
from reconciler.events import Changes, Event

PROJECT = "home-ops"
_PROGRAM = ("components", "gitops", "cluster")
_TOKEN = re.compile(r"prune-[0-9a-f]{16}")  # what the prune gate asks to be confirmed
_SEALED = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of a value that is no plain one
_FILES = ("__main__.py", "Pulumi.yaml", "requirements.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """What is to be synced, and nothing else may change.

    Args:
        root: the checked-out repository, with the program.
        stack: the stack's name.
        target: all Applications.
        wanted: those to sync, each with how it differs.
        held: those a full run leaves as they are.
        full: run everything the program declares: its config, sets or projects changed, or it is
            time.
        on_event: told what the engine does while it runs.
    """

    root: Path
    stack: str
    target: Target
    wanted: Mapping[str, Comparison]
    held: frozenset[str] = frozenset()
    full: bool = False
    on_event: Callable[[Event], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What came of a sync.

    ``failures`` says for each Application that failed why; ``error`` what concerns no single one.
    ``complete`` is False where the engine did not do everything. ``changes`` counts what became of the objects, those of no Application under the empty name.
    """

    changes: Mapping[str, Changes] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    complete: bool = True
    runs: int = 0
    seconds: float = 0.0


def shared_digest(root: Path, stack: str, target: Target) -> str:
    """A hash of what is no Application's own: program, config, projects and sets."""
    total = hashlib.sha256()
    name = f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    files = [root / each for each in (*_FILES, name)]
    for folder in _PROGRAM:
        files += sorted((root / folder).rglob("*.py")) + sorted((root / folder).rglob("*.json"))
    for path in files:
        if path.is_file():
            total.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    sets = sorted({each.spec.application_set for each in target.applications})
    total.update(repr((target.projects, sets)).encode())
    return total.hexdigest()


def sync(request: SyncRequest) -> SyncResult:
    """Sync; what one Application does wrong holds up no other.

    Raises:
        ToolError: the environment lacks what the engine needs.
    """
    from reconciler import engine

    runs: list[engine.Run] = []
    try:
        inventory = from_export(engine.export(request.root, request.stack))
        if request.full:
            run = engine.up(
                request.root,
                request.stack,
                exclude=sorted(_urns(request, inventory, request.held)),
                on_event=request.on_event,
            )
            runs.append(run)
        stale = _stale(request, inventory)
        if stale or not request.full:
            targets = stale if request.full else _urns(request, inventory, request.wanted)
            run = engine.up(
                request.root,
                request.stack,
                targets=sorted(targets),
                refresh=bool(stale),
                on_event=request.on_event,
            )
            runs.append(run)
    except engine.EngineError as error:
        return _result(runs, str(error), request)
    return _result(runs, "", request)


def _result(runs: Sequence[object], error: str, request: SyncRequest) -> SyncResult:
    from reconciler.engine import Run
    from reconciler.events import Severity, application_of, changes_by_application, readable

    done = [each for each in runs if isinstance(each, Run)]
    steps = [step for run in done for step in run.steps]
    parents = {urn: parent for run in done for urn, parent in run.parents.items()}
    failures: dict[str, str] = {}
    subjects = {each.subject: each.spec.name for each in request.target.applications}
    general: list[str] = [error] if error else []
    for run in done:
        for each in readable(run.diagnostics, parents):
            stopped = _TOKEN.search(each.message) is not None
            if each.severity is not Severity.ERROR and not stopped:
                continue
            subject = each.message.partition(":")[0]
            name = application_of(each.urn, parents) or subjects.get(subject, "")
            if name:
                failures[name] = "\n".join(filter(None, (failures.get(name), each.message)))
            elif not run.succeeded:
                told = _told_by_program(each.message, subjects)
                failures.update({n: text for n, text in told.items() if n not in failures})
                if not told:
                    general.append(each.message)
    return SyncResult(
        changes=changes_by_application(steps),
        failures=failures,
        error="\n".join(general),
        complete=not error and all(run.succeeded for run in done),
        runs=len(done),
        seconds=sum(run.seconds for run in done),
    )


def _told_by_program(message: str, subjects: Mapping[str, str]) -> dict[str, str]:
    """What the program's last error says of each Application: a line that begins with it."""
    found: dict[str, str] = {}
    name = ""
    for line in message.splitlines():
        name = subjects.get(line.strip().partition(":")[0], name)
        if name:
            found[name] = "\n".join(filter(None, (found.get(name), line.strip())))
    return found


def _stale(request: SyncRequest, inventory: Inventory) -> set[str]:
    """The objects the state is wrong about: it has them as Git does, or has them at all, and the
    cluster has not."""
    manifests = {each.key: each for app in request.target.applications for each in app.manifests}
    found: set[str] = set()
    for comparison in request.wanted.values():
        for drift in comparison.drifts:
            last = inventory.objects.get(drift.key)
            if last is None or drift.why is Why.EXTRANEOUS:
                continue
            if drift.why is Why.MISSING or _says_same(manifests[drift.key], last.body):
                found |= set(inventory.urns[drift.key])
    return found


def _says_same(manifest: Manifest, applied: Mapping[str, object]) -> bool:
    metadata = dict(applied["metadata"])  # type: ignore[call-overload]
    annotations = annotations_of(applied)
    metadata["annotations"] = {n: v for n, v in annotations.items() if not n.startswith(STEERING)}
    sealed = {n for n, v in applied.items() if isinstance(v, Mapping) and _SEALED in v}
    target = {name: value for name, value in manifest.body.items() if name not in sealed}
    known = {name: value for name, value in applied.items() if name not in sealed}
    return says_the_same(target, {**known, "metadata": metadata})


def _urns(request: SyncRequest, inventory: Inventory, names: Collection[str]) -> set[str]:
    """The exact URNs of everything some Applications have and had."""
    stack = request.stack.rpartition("/")[2]
    base = f"urn:pulumi:{stack}::{PROJECT}::{APPLICATION_SET_TYPE}"
    found: set[str] = set()
    namespaces: set[str] = set()
    for application in request.target.applications:
        spec = application.spec
        if spec.name not in names:
            continue
        if spec.name in request.wanted:
            namespaces.add(spec.destination.namespace)
            found.add(f"{base}::{spec.application_set}")
        for manifest in application.manifests:
            token = _token(manifest)
            name = manifest.key.logical_name
            found.add(f"{base}${APPLICATION_TYPE}${token}::{name}")
    for name in namespaces:
        found.add(f"{base}$kubernetes:core/v1:Namespace::{name}")
    for name in names:
        found.add(f"{base}${APPLICATION_TYPE}::{name}")
        found.add(f"{base}${APPLICATION_TYPE}${WAVE_TYPE}::{name}/**")
        for known in inventory.of_application(name):
            found |= set(inventory.urns[known.key])
    return found


def _token(manifest: Manifest) -> str:
    version = manifest.api_version
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest.key.kind}"
