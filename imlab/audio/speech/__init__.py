"""Speech to measure on: what is fetched, given, published or synthesised, and what is known of it."""
