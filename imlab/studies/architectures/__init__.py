"""What the studies of the old and the new architecture are made of."""
