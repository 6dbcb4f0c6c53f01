"""What stands under each ``<group>/<kind>`` of ``resourceCustomizations``?

Called by the readers of its parts: health scripts and ignored differences. It is ArgoCD's older
form, the only one whose keys take wildcards there: the text of ``resource.customizations`` in
``argocd-cm`` (ArgoCD, "Resource Health", "Diffing Customization"), or its keys by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitops import yaml_reader
from gitops.errors import ConfigError, ManifestError

PREFIX = "resource.customizations"


def nested(values: Mapping[str, Any], *, subject: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each ``<group>/<kind>``, a core kind alone, with what is given for it.

    Raises:
        ConfigError: it is neither a mapping nor YAML text of one.
    """
    for key, value in values.items():
        where = f"{subject}.{key}"
        if key == PREFIX:
            for pattern, entry in mapping(value, where).items():
                yield pattern, mapping(entry, f"{where}.{pattern}")
        elif "/" in key:
            yield key, mapping(value, where)


def mapping(value: Any, subject: str) -> Mapping[str, Any]:
    """A mapping, which may also be YAML text, as the values of a ConfigMap are.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(value, str):
        try:
            documents = yaml_reader.load(value, source=subject)
        except ManifestError as error:
            raise ConfigError(subject, error.reason, remedy=error.remedy) from error
        value = documents[0] if documents else {}
    if not isinstance(value, Mapping):
        raise ConfigError(subject, "is no mapping", remedy="write keys and values")
    return value
