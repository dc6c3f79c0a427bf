"""One kind of figure per file."""
