"""What others published, as values to be judged."""
