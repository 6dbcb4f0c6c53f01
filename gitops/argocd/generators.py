"""Which sets of parameters does a generator of an ApplicationSet make?

The generators of ArgoCD that need nothing but Git and the config: list, clusters, git, matrix and
merge, with selectors on each. Called by the reader of ApplicationSets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops import yaml_reader
from gitops.argocd import git_paths
from gitops.argocd.clusters import SECRET_TYPE, SERVER, Cluster, Clusters
from gitops.argocd.parameters import (
    Parameters,
    by_keys,
    combined,
    flattened,
    merged,
    normalized,
    of_path,
    selected,
    shown,
)
from gitops.argocd.templating import TemplateError, Templates, TextMap
from gitops.errors import DiscoveryError

KINDS = ("list", "clusters", "git", "matrix", "merge")
Generator = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generating:
    """What generators need to know.

    ``options`` are the set's ``goTemplateOptions``, None where it has the older form of templates;
    ``trees`` gives a repository at a revision.
    """

    subject: str
    templates: Templates
    trees: Callable[[str, str], Path]
    clusters: Clusters
    options: tuple[str, ...] | None = None

    @property
    def go(self) -> bool:
        """Whether the set has Go templates."""
        return self.options is not None

    def parameters(self, generator: Generator, given: Parameters | None = None) -> list[Parameters]:
        """The sets of parameters one generator makes.

        Args:
            generator: a mapping with one kind of generator, and perhaps a selector.
            given: the parameters of the first generator of a matrix, for its second.

        Raises:
            HomeOpsError: a pattern, template or file is wrong, or two sets of parameters do not fit
                together.
        """
        kinds = [kind for kind in KINDS if kind in generator]
        if len(kinds) != 1:
            found = " and ".join(kinds) if kinds else "no generator"
            raise self._error(f"an entry of generators has {found}", "write one kind in each entry")
        if given:
            generator = self._interpolated(generator, given)
        try:
            made = self._made(kinds[0], generator[kinds[0]])
        except ValueError as error:
            raise self._error(f"{kinds[0]}: {error}", "correct the generator") from error
        selector = generator.get("selector")
        if selector is None:
            return made
        return [each for each in made if selected(flattened(each), selector)]

    def _made(self, kind: str, generator: Generator) -> list[Parameters]:
        match kind:
            case "list":
                return self._list(generator)
            case "clusters":
                return self._clusters(generator)
            case "git":
                return self._git(generator)
            case "matrix":
                return self._matrix(generator)
            case _:
                return self._merge(generator)

    def _list(self, generator: Generator) -> list[Parameters]:
        elements = [self._element(each) for each in generator.get("elements", ())]
        if text := generator.get("elementsYaml"):
            documents = yaml_reader.load(text, source=f"{self.subject}: elementsYaml")
            more = documents[0] if documents else []
            if not isinstance(more, list) or not all(isinstance(each, dict) for each in more):
                raise ValueError("elementsYaml is no list of mappings")
            elements += more
        return elements

    def _element(self, element: Parameters) -> Parameters:
        if self.go:
            return dict(element)
        found: Parameters = {}
        for key, value in element.items():
            texts = value if key == "values" and isinstance(value, dict) else {key: value}
            prefix = "values." if texts is value else ""
            for name, text in texts.items():
                if not isinstance(text, str):
                    raise ValueError(
                        f"the element's {prefix}{name} is no text; quote it, or set goTemplate"
                    )
                found[f"{prefix}{name}"] = text
        return found

    def _clusters(self, generator: Generator) -> list[Parameters]:
        selector = generator.get("selector", {})
        made = [
            self._cluster(each)
            for each in self.clusters.own
            if selected({**each.labels, **SECRET_TYPE}, selector)
        ]
        # ArgoCD knows the cluster it runs in without a Secret, but not its labels
        described = any(each.server == SERVER for each in self.clusters.own)
        if not described and not any(selector.values()):
            name = {"name": "in-cluster", "nameNormalized": "in-cluster"}
            made.append({**name, "server": SERVER, "project": ""})
        made = [self._with_values(each, generator) for each in made]
        return [{"clusters": made}] if generator.get("flatList") else made

    def _cluster(self, cluster: Cluster) -> Parameters:
        found: Parameters = {
            "name": cluster.name,
            "nameNormalized": normalized(cluster.name),
            "server": cluster.server,
            "project": cluster.project,
        }
        described = {
            "labels": {**cluster.labels, **SECRET_TYPE},
            "annotations": dict(cluster.annotations),
        }
        if self.go:
            metadata = {key: TextMap(texts) for key, texts in described.items() if texts}
            return {**found, "metadata": metadata}
        return found | {
            f"metadata.{kind}.{key}": value
            for kind, texts in described.items()
            for key, value in texts.items()
        }

    def _git(self, generator: Generator) -> list[Parameters]:
        root = self.trees(generator["repoURL"], generator.get("revision", ""))
        prefix = generator.get("pathParamPrefix", "")
        if generator.get("directories"):
            paths = git_paths.directories(root, generator["directories"])
            made = [of_path(path, prefix=prefix, go=self.go) for path in paths]
        elif generator.get("files"):
            found = git_paths.files(root, generator["files"])
            made = [
                self._of_file(path, one, prefix=prefix)
                for path, content in found.items()
                for one in self._contents(path, content)
            ]
        else:
            raise ValueError("it has neither directories nor files")
        return [self._with_values(each, generator) for each in made]

    def _contents(self, path: str, content: bytes) -> list[Parameters]:
        """What a file says: one mapping, or a list of them."""
        documents = yaml_reader.load(content, source=path)
        if len(documents) > 1:
            raise ValueError(f"{path} has more than one document")
        found = documents[0] if documents else None
        entries = found if isinstance(found, list) else [{} if found is None else found]
        if not all(isinstance(each, dict) for each in entries):
            raise ValueError(f"{path} is neither a mapping nor a list of mappings")
        return entries

    def _of_file(self, path: str, content: Parameters, *, prefix: str) -> Parameters:
        above, _, name = path.rpartition("/")
        own = of_path(above or ".", file=name, prefix=prefix, go=self.go)
        if self.go:
            return {**content, **own}
        return {**{key: shown(value) for key, value in flattened(content).items()}, **own}

    def _matrix(self, generator: Generator) -> list[Parameters]:
        first, second = generator["generators"]
        made = []
        for one in self.parameters(first):
            for other in self.parameters(second, one):
                made.append(merged(other, one) if self.go else combined(one, other))
        return made

    def _merge(self, generator: Generator) -> list[Parameters]:
        keys = generator["mergeKeys"]
        base, *others = [by_keys(keys, self.parameters(e)) for e in generator["generators"]]
        for other in others:
            for name in base.keys() & other.keys():
                both = base[name], other[name]
                base[name] = merged(*both) if self.go else {**both[0], **both[1]}
        return list(base.values())

    def _with_values(self, parameters: Parameters, generator: Generator) -> Parameters:
        """The parameters with the generator's ``values``, which may use them."""
        values = generator.get("values")
        if not values:
            return parameters
        filled = {key: self._filled(value, parameters) for key, value in values.items()}
        if self.go:
            return {**parameters, "values": TextMap(filled)}
        return parameters | {f"values.{key}": value for key, value in filled.items()}

    def _interpolated(self, generator: Generator, given: Parameters) -> Generator:
        """The second generator of a matrix, with the parameters of the first filled in.

        A value that names a parameter of the generator's own is left for later, as in ArgoCD.
        """
        found = {}
        for kind, inner in generator.items():
            values = inner.get("values") or {}
            rest = inner
            if kind in ("clusters", "git") and values:
                rest = {key: part for key, part in inner.items() if key != "values"}
            found[kind] = self._filled(rest, given)
            if rest is not inner:
                found[kind]["values"] = {
                    key: self._early(value, given) for key, value in values.items()
                }
        return found

    def _early(self, text: str, given: Parameters) -> Any:
        options = None if self.options is None else ("missingkey=error",)
        try:
            return self.templates.fill(text, given, options=options, subject=self.subject)
        except TemplateError as error:
            if error.missing_key:
                return text
            raise

    def _filled(self, value: Any, parameters: Parameters) -> Any:
        return self.templates.fill(value, parameters, options=self.options, subject=self.subject)

    def _error(self, reason: str, remedy: str) -> DiscoveryError:
        return DiscoveryError(self.subject, reason, remedy=remedy)
