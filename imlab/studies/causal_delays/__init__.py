"""What the study of causal delays is made of."""
