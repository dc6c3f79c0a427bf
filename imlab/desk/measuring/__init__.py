"""The work of run and measure: what to take, taking it, and saying what came of it."""
