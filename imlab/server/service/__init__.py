"""The service whose architecture is on trial: what it does, whoever carries it out."""
