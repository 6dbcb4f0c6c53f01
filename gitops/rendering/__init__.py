"""How does a source become objects? The parts of `gitops.render`."""
