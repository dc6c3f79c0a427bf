"""HTTP: notes and their sound."""
