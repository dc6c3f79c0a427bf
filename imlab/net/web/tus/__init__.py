"""Files come in by tus 1.0, and go on where they were cut."""
