"""What the trial of the headline is made of."""
