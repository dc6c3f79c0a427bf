"""Namespaces joined by a forwarder: the kernel's own TCP and UDP over a link, and how far to believe it."""
