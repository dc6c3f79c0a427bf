"""The work of ./lab code."""
