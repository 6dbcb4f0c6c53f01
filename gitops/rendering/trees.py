"""In which tree of files is a source?

Called by rendering: one ``Trees`` serves one pass over all Applications, and reads each repository
at each revision once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from gitops.application import ApplicationSpec, Source
from gitops.git import working_tree
from gitops.git.repositories import Repositories
from gitops.rendering.source_tree import SourceTree


@dataclass(slots=True, kw_only=True)
class Trees:
    """The stack's own tree, and those of other repositories where there are any.

    Without ``repositories`` every source is in the stack's own tree.
    """

    root: Path
    repositories: Repositories | None = None
    _trees: dict[Path, SourceTree] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, source: Source) -> SourceTree:
        """The tree a source is in.

        Raises:
            RenderError: its repository cannot be had.
        """
        folder = self.root
        if self.repositories is not None and source.repo_url:
            folder = self.repositories.tree(source.repo_url, source.target_revision)
        with self._lock:
            return self._trees.setdefault(folder, SourceTree(folder))

    def is_own(self, tree: SourceTree) -> bool:
        """Whether a tree is the stack's own checkout."""
        return tree is self._trees.get(self.root)

    def references(self, spec: ApplicationSpec) -> dict[str, SourceTree]:
        """The trees an Application's value files may name, by their ``ref``."""
        return {source.ref: self.of(source) for source in spec.all_sources if source.ref}

    def revision(self, source: Source) -> str:
        """What ``$ARGOCD_APP_REVISION`` stands for: the commit, or a chart's version.

        Raises:
            RenderError: the repository cannot be had.
        """
        if source.chart:
            return source.target_revision
        others = self.repositories
        if others and not others.own.holds(source.repo_url, source.target_revision):
            return others.commit(source.repo_url, source.target_revision)
        found = working_tree.revision(self.root)
        return found.commit if found else ""
