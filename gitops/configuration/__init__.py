"""How is the stack's config checked? The parts of `gitops.config`."""
