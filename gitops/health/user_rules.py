"""Which of the user's own health scripts judges a kind?

Config reads them out of ``resourceCustomizations``; ``assess`` asks ``find``. The keys are those of
``argocd-cm`` (ArgoCD, "Resource Health", "Custom Health Checks"), what stands before them there
(``resource.customizations.``) left out or not:

==========================================  ====================================================
``health.<group>_<kind>``                   the script; a core kind has no group and no ``_``
``useOpenLibs.<group>_<kind>``              whether it may use more of Lua's libraries
``health``, ``useOpenLibs``                 mappings of ``<group>_<kind>`` to the same
``<group>/<kind>``                          ``health.lua`` and ``health.lua.useOpenLibs`` within,
                                            as a mapping or, as ``argocd-cm`` has it, as YAML text
==========================================  ====================================================

Groups and kinds may be globs in each form; ArgoCD has them in the last alone, as keys of a
ConfigMap have no ``*``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops import globs
from gitops.configuration.customizations import PREFIX, mapping, nested
from gitops.errors import ConfigError

_SCRIPT, _LIBRARIES = "health.lua", "health.lua.useOpenLibs"
_SPLIT_KEYS = {"health": _SCRIPT, "useOpenLibs": _LIBRARIES}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRule:
    """A health script and the kinds it is for: ``<group>/<kind>``, a glob; a core kind alone."""

    pattern: str
    script: str
    open_libraries: bool = False

    @property
    def is_glob(self) -> bool:
        """Whether it is for more than one kind."""
        return any(character in self.pattern for character in "*?[{")


def find(rules: Iterable[UserRule], *, group: str, kind: str) -> UserRule | None:
    """The rule for a kind, ``None`` when there is none.

    One that names the kind wins over globs, as in ArgoCD; of several globs, where ArgoCD takes any,
    the longest wins.
    """
    name = f"{group}/{kind}" if group else kind
    found = [rule for rule in rules if globs.matches(rule.pattern, name)]
    return max(found, key=lambda rule: (not rule.is_glob, len(rule.pattern)), default=None)


def read(customizations: Mapping[str, Any], *, subject: str) -> tuple[UserRule, ...]:
    """The health scripts in a mapping of resource customizations; its other keys do not matter.

    Raises:
        ConfigError: a key of these names no kind, or its value is no script, YAML, true or false.
    """
    found: dict[str, dict[str, Any]] = {}
    for pattern, entry in nested(customizations, subject=subject):
        found[pattern] = {name: entry[name] for name in (_SCRIPT, _LIBRARIES) if name in entry}
    for key, value in customizations.items():  # later, as they win in ArgoCD
        name, _, objects = key.removeprefix(f"{PREFIX}.").partition(".")
        where = f"{subject}.{key}"
        if "/" not in key and (part := _SPLIT_KEYS.get(name)):
            for each, given in ({objects: value} if objects else mapping(value, where)).items():
                found.setdefault(_pattern(each, where), {})[part] = given
    return tuple(
        _rule(pattern, values, f"{subject}.{pattern}")
        for pattern, values in found.items()
        if _SCRIPT in values
    )


def _pattern(text: str, where: str) -> str:
    """``group_Kind`` as ``group/Kind``."""
    group, separator, kind = text.rpartition("_")
    if not kind or (separator and not group) or "_" in group:
        raise ConfigError(
            where, "it names no kind", remedy='write "health.example.org_Widget" or "health.Pod"'
        )
    return f"{group}/{kind}" if group else kind


def _rule(pattern: str, values: Mapping[str, Any], where: str) -> UserRule:
    script, libraries = values[_SCRIPT], values.get(_LIBRARIES, False)
    if not isinstance(script, str) or not script.strip():
        raise ConfigError(
            where, "its health script is no text", remedy='write Lua that ends with "return hs"'
        )
    if isinstance(libraries, str) and libraries.lower() in ("true", "false"):
        libraries = libraries.lower() == "true"  # values of a ConfigMap are text
    if not isinstance(libraries, bool):
        raise ConfigError(where, "its useOpenLibs is neither true nor false", remedy="write true")
    return UserRule(pattern=pattern, script=script, open_libraries=libraries)
