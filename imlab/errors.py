"""Whose fault it is: the first thing a reader of an error wants to know.

Every error that imlab raises on purpose is one of four. The class names the party that must act, the message
says what was seen, in the reader's words, and foreign exceptions are translated once, at the door, with ``from``.
"""


class PeerError(Exception):
    """The other side broke the protocol or sent bytes that are not what they claim to be."""


class UsageError(Exception):
    """Our own caller asked for something that cannot be."""


class DoorError(Exception):
    """The world outside failed: a disk, a library, a network, a device."""


class InvalidRun(Exception):
    """A measurement that must not be believed; the message is the reason that is stored with it."""
