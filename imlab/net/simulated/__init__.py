"""Connections in virtual time: TCP packet by packet, or a message at a time."""
