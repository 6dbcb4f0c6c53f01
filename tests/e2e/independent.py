"""Is the cluster what the tree says? Asked without Pulumi and without the program under test.

The tree is rendered with ``kustomize`` and ``helm`` as a user would by hand, the cluster is listed,
and identities, uids and every rendered field are compared.
"""

from __future__ import annotations

import base64
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.checkout import MIRROR, Checkout
from tests.e2e.live import Body, Key, Live, key_of

SUFFIXES = {"": 0, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12}
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4}
VERSION = "1.36.3"


def check(
    checkout: Checkout,
    *,
    kept: Iterable[Key] = (),
    namespaces: Mapping[str, str] | None = None,
) -> dict[Key, str]:
    """Compare the cluster with an independent render of the tree.

    Args:
        checkout: the tree and its stack.
        kept: objects that a rule keeps in the cluster though the tree does not hold them.
        namespaces: the destination of a category, where it is not the category itself.

    Returns:
        The uid of each object, to be compared with those after the next step.
    """
    rendered = render(checkout, namespaces=namespaces or {})
    live = checkout.live.owned(checkout.stack)
    assert sorted(live) == sorted({*rendered, *kept})
    for key, body in rendered.items():
        found = checkout.live.at_version(live[key], body["apiVersion"])
        differences = list(differing(body, found))
        assert not differences, f"{key}: {differences}"
    return {key: str(body["metadata"]["uid"]) for key, body in live.items()}


def same_objects(before: Mapping[Key, str], after: Mapping[Key, str]) -> None:
    """Prove that no object of both moments was deleted and created again between them."""
    replaced = [key for key in before.keys() & after.keys() if before[key] != after[key]]
    assert replaced == []


def render(checkout: Checkout, *, namespaces: Mapping[str, str]) -> dict[Key, Body]:
    """Every object of the tree with its namespace, by identity; equal ones once."""
    found: dict[Key, Body] = {}
    for bodies in by_directory(checkout, namespaces=namespaces).values():
        for key, body in bodies.items():
            assert found.setdefault(key, body) == body, f"{key} is rendered twice, differently"
    return found


def by_directory(
    checkout: Checkout, *, namespaces: Mapping[str, str], without: Iterable[str] = ()
) -> dict[str, dict[Key, Body]]:
    """The objects of each directory by its name, but of some that cannot be rendered."""
    found: dict[str, tuple[str, list[Body]]] = {}
    left_out = set(without)
    with tempfile.TemporaryDirectory() as copy:
        root = Path(shutil.copytree(checkout.root, Path(copy) / "tree"))
        for directory in sorted(root.glob("apps/*/*")):
            if directory.name in left_out:
                continue
            category = directory.parent.name
            namespace = namespaces.get(category, category)
            release = f"e2e-{category}-{directory.name}"
            bodies = list(_render(directory, root, release, namespace))
            found[f"{category}/{directory.name}"] = (namespace, bodies)
    namespaced = _scopes(checkout.live, [body for _, bodies in found.values() for body in bodies])
    return {
        name: {key_of(placed): placed for placed in _placed(bodies, namespace, namespaced)}
        for name, (namespace, bodies) in found.items()
    }


def _placed(
    bodies: Iterable[Body], namespace: str, namespaced: Mapping[str, bool]
) -> Iterator[Body]:
    for body in bodies:
        metadata = body["metadata"]
        if namespaced[body["kind"]]:
            metadata.setdefault("namespace", namespace)
        else:
            metadata.pop("namespace", None)
        yield body


def _render(directory: Path, root: Path, release: str, namespace: str) -> Iterator[Body]:
    if (directory / "kustomization.yaml").exists():
        _place_charts(directory, root)
        command = ["kustomize", "build", "--enable-helm", "--helm-kube-version", VERSION]
        documents = _documents(_run([*command, str(directory)]))
    elif (directory / "Chart.yaml").exists():
        command = ["helm", "template", release, str(directory), "--include-crds"]
        options = ["--namespace", namespace, "--kube-version", VERSION]
        documents = _documents(_run([*command, *options]))
    else:
        files = sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".json"))
        documents = itertools.chain.from_iterable(_documents(path.read_text()) for path in files)
    yield from documents


def _place_charts(directory: Path, root: Path) -> None:
    kustomization = yaml.safe_load((directory / "kustomization.yaml").read_text())
    for chart in kustomization.get("helmCharts", ()):
        assert chart["repo"] == MIRROR
        name = chart["name"]
        place = directory / "charts" / f"{name}-{chart['version']}" / name
        if not place.exists():
            shutil.copytree(root / "charts" / name, place)


def _documents(text: str) -> Iterator[Body]:
    for document in yaml.safe_load_all(text):
        if document and document.get("kind") == "List":
            yield from document["items"]
        elif document:
            yield document


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _scopes(live: Live, bodies: Iterable[Body]) -> dict[str, bool]:
    served = {kind.kind: kind.namespaced for kind in live.kinds()}
    own = {
        body["spec"]["names"]["kind"]: body["spec"]["scope"] == "Namespaced"
        for body in bodies
        if body["kind"] == "CustomResourceDefinition"
    }
    return {**served, **own}


def differing(rendered: Body, live: Body) -> Iterator[str]:
    """The paths of rendered fields that are not in a live object; what the API server or a
    controller added to it is no difference."""
    wanted = {name: part for name, part in rendered.items() if name != "status"}
    if wanted["kind"] == "Secret":
        plain = wanted.pop("stringData", None) or {}
        encoded = {name: base64.b64encode(v.encode()).decode() for name, v in plain.items()}
        wanted["data"] = {**(wanted.get("data") or {}), **encoded}
    yield from _differing(wanted, live, "")


def _differing(rendered: Any, live: Any, path: str) -> Iterator[str]:
    if isinstance(rendered, dict) and isinstance(live, dict):
        for name, part in rendered.items():
            if part is not None and not (part in ({}, []) and name not in live):
                yield from _differing(part, live.get(name), f"{path}.{name}")
    elif isinstance(rendered, list) and isinstance(live, list) and len(rendered) == len(live):
        for index, (part, found) in enumerate(zip(rendered, live, strict=True)):
            yield from _differing(part, found, f"{path}[{index}]")
    elif rendered != live and not _same_quantity(rendered, live):
        yield f"{path}: {rendered!r} is {live!r}"


def _same_quantity(rendered: Any, live: Any) -> bool:
    if isinstance(rendered, bool) or isinstance(live, bool):
        return False
    value = _quantity(rendered)
    return value is not None and value == _quantity(live)


def _quantity(value: Any) -> Decimal | None:
    text = str(value)
    for suffix, power in BINARY.items():
        if text.endswith(suffix):
            return _decimal(text.removesuffix(suffix), Decimal(1024) ** power)
    for suffix, power in SUFFIXES.items():
        if text and suffix and text.endswith(suffix):
            return _decimal(text.removesuffix(suffix), Decimal(10) ** power)
    return _decimal(text, Decimal(1))


def _decimal(text: str, factor: Decimal) -> Decimal | None:
    try:
        return Decimal(text) * factor
    except InvalidOperation:
        return None
