"""What q20_two_load_models is made of."""
