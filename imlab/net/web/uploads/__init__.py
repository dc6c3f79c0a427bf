"""Files come in: whole, by a form, in parts."""
