"""What messengers ship, app by app; presets.py holds them together."""
