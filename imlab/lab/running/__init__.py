"""Trials in processes of their own, guarded to their end, and the folder that keeps them."""
