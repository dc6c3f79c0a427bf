"""Values to a running system in its own processes."""
