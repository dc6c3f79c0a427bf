"""What the study of attribution is made of."""
