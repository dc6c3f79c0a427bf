"""Uploads as state machines without I/O: a whole PUT, and tus that goes on where it was cut."""
