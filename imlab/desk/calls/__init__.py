"""The work of serve, send and listen."""
