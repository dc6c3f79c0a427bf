"""The work of ./lab link."""
