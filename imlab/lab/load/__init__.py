"""Arrivals on schedule, whatever the server does, and whether a window of them may be believed."""
