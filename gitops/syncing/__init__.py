"""How is an object synced: options, annotations, hooks and the order backwards."""
