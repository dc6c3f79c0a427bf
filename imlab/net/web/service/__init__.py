"""The service on trial behind two servers that others wrote: waitress, and uvicorn."""
