"""The work of slice and join."""
