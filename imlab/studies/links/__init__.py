"""What q03_links is made of."""
