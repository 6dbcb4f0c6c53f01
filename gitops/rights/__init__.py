"""What a reconciler in the cluster may do, and no more."""
