"""Rows of recordings in a database, blocking and awaited: SQLite and PostgreSQL."""
