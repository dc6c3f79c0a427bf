"""The server's state machines: sessions, rooms, sequence, fan-out. No I/O."""
