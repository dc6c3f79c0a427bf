"""uvicorn, and what it lacks: answers that are ready, bodies collected whole, sendfile, an end to slow heads."""
