"""How does a directory become an Application's fields? The parts of `gitops.discovery`."""
