"""Coded notes as files that players open: one module per format, writing and reading over all of them."""
