"""The work of corpus."""
