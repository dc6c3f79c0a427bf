"""How much of a change each part of it earned."""
