"""What was seen: histograms, percentiles, stages, and stored runs read back."""
