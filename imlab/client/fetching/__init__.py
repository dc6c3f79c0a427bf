"""Decisions about HTTP: which connection carries a request, how an upload goes on, whether to try again."""
