"""The service on trial put together: architecture and backends as values, its doors, its process."""
