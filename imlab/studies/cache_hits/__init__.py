"""What the study of cache hits is made of."""
