"""The work of ./lab services."""
