"""Sound as numpy arrays: clips, files, capture, corpora."""
