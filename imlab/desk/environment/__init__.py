"""What ./lab stands on: set-up, locks, the interpreter, other people's programs."""
