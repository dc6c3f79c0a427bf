"""The client's state machines: recorder, sender, receiver, player. No I/O."""
