"""What does an Application's own settings file say?

``.home-ops.yaml`` in the directory of an Application holds what differs from its ApplicationSet's
template, with the template's words, and what only one directory can say. It is optional and never
applied as a manifest. Called by discovery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops import yaml_reader
from gitops.application import Commands
from gitops.argocd.patching import merge_patched
from gitops.configuration import stack_schema
from gitops.configuration.schema import Problem
from gitops.errors import ConfigError
from gitops.gate.settings import read_confirmations

FILE = ".home-ops.yaml"

_SPEC = ("destination", "ignoreDifferences", "revisionHistoryLimit", "syncPolicy")
_ELSEWHERE = {
    "project": (
        "a directory does not choose its own limits, as in ArgoCD, where no patch of a template "
        "changes it",
        "let the set exclude the directory, and give it a set with that project",
    ),
    "source": (
        "what changes in the source has a file of ArgoCD's own",
        "write helm, kustomize and directory options in .argocd-source.yaml beside it",
    ),
    "syncWindows": ("they belong to the AppProject", "write them there"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """What a settings file says.

    ``metadata`` and ``spec`` are what differs from the template, as a merge patch; ``commands`` run
    around the sync, ``depends_on`` are Applications to wait for, ``confirm`` deletions that may
    happen.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    commands: Commands = field(default_factory=Commands)
    depends_on: tuple[str, ...] = ()
    confirm: frozenset[str] = frozenset()


def parse(text: str | bytes, *, path: str) -> AppSettings:
    """Read a settings file.

    Args:
        text: the file.
        path: the Application's directory; errors name the file in it.

    Raises:
        ConfigError: an unknown key, a wrong type, or a confirmation that is no token.
        ManifestError: the file is no YAML.
    """
    source = f"{path}/{FILE}"
    documents = yaml_reader.load(text, source=source)
    if len(documents) > 1:
        raise ConfigError(source, "it has more than one document", remedy="keep one")
    settings = documents[0] if documents and documents[0] is not None else {}
    _check(settings, source)
    commands = settings.get("commands") or {}
    spec = {name: settings[name] for name in _SPEC if name in settings}
    if settings.get("dependsOn", ()) is None:
        spec["dependsOn"] = None
    return AppSettings(
        metadata=settings.get("metadata") or {},
        spec=spec,
        commands=Commands(
            before=tuple(commands.get("before") or ()), after=tuple(commands.get("after") or ())
        ),
        depends_on=tuple(settings.get("dependsOn") or ()),
        confirm=read_confirmations(settings.get("confirm") or (), subject=f"{source} confirm"),
    )


def merged(template: Mapping[str, Any], settings: AppSettings, *, path: str) -> Mapping[str, Any]:
    """A set's template, filled in for a directory, with what the directory sets.

    It is a JSON merge patch (RFC 7396): mappings are merged, null takes a field away, anything else
    takes the place of what was there. But sync options are added by name, and ignore rules to those
    of the set: a file that says one more would otherwise undo the others without a word.

    Raises:
        ConfigError: a field is gone that an Application needs.
    """
    if not settings.metadata and not settings.spec:
        return template
    found = merge_patched(template, {"metadata": settings.metadata, "spec": settings.spec})
    before, spec = template["spec"], found["spec"]
    rules = settings.spec.get("ignoreDifferences")
    if rules is not None:
        spec["ignoreDifferences"] = [*before.get("ignoreDifferences", ()), *rules]
    options = (settings.spec.get("syncPolicy") or {}).get("syncOptions")
    if options is not None:
        of_set = before.get("syncPolicy", {}).get("syncOptions", ())
        spec["syncPolicy"]["syncOptions"] = _by_name(of_set, options)
    for problem in stack_schema.template_problems(found, path=""):
        raise _error(problem, f"{path}/{FILE}")
    return found


def _by_name(options: Sequence[str], own: Sequence[str]) -> list[str]:
    names = {each.partition("=")[0] for each in own}
    return [*(each for each in options if each.partition("=")[0] not in names), *own]


def _check(settings: Any, source: str) -> None:
    if isinstance(settings, Mapping):
        for name, (reason, remedy) in _ELSEWHERE.items():
            if name in settings:
                raise ConfigError(source, f"{name} cannot be set here: {reason}", remedy=remedy)
    for problem in stack_schema.directory_problems(settings):
        raise _error(problem, source)


def _error(problem: Problem, source: str) -> ConfigError:
    where = f"{problem.path} " if problem.path else ""
    return ConfigError(source, f"{where}{problem.reason}", remedy=problem.remedy)
