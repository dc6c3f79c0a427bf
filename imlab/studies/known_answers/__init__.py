"""What q00_can_you_trust_this_machine is made of."""
