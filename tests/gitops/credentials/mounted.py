"""A Secret as the kubelet mounts it, and changes it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path


def mount(folder: Path, values: Mapping[str, str] | None = None) -> Path:
    """Write a Secret's values so that all of them change at once: files that are links into a
    folder, which is replaced by turning one link (Kubernetes, ``AtomicWriter``); the folder."""
    values = values or {}
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "..data"
    before = link.resolve() if link.is_symlink() else None
    now = folder / f"..of_{int(before.name.rpartition('_')[2]) + 1 if before else 0}"
    now.mkdir()
    for name, value in values.items():
        (now / name).write_text(value)
    (folder / "..new").symlink_to(now.name)
    (folder / "..new").rename(link)
    for path in folder.iterdir():
        if not path.name.startswith("..") and path.name not in values:
            path.unlink()
    for name in values:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    if before:
        shutil.rmtree(before)
    return folder
