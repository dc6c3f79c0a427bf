"""One module is one question; the only room that sees both towers."""
