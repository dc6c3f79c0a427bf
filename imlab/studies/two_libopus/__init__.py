"""What k02_two_libopus is made of."""
