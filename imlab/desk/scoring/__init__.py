"""The work of ./lab score: files to scores to a table."""
