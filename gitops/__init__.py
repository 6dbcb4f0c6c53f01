"""The domain of GitOps: discovery, rendering, ordering, keeping and pruning; pure."""
