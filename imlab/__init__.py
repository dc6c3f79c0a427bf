"""imlab: the voice-message path of a messenger, and the laboratory that measures it."""

__version__ = "0.1.0"
