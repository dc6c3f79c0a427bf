"""What q01_stop_to_play is made of."""
