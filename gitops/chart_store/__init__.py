"""How are charts found, pulled, verified and stored? The parts of `gitops.charts`."""
