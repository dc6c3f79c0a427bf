"""Sound to packets, and back."""
