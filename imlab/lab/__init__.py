"""The laboratory: design, load, statistics, machine facts, results, plots. It knows nothing of voice."""
