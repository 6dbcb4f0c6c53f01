"""The objects a reconciler in the cluster consists of."""
