"""Disks and databases behind the server's doors. They decide nothing."""
