"""Servers whose truth is known, to try the laboratory on before it is believed."""
