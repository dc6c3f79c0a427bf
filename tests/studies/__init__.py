"""Studies whose answers are known, for testing those who measure them."""
