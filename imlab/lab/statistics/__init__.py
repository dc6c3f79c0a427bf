"""From blocks to intervals, effects and verdicts."""
