"""How good a clip sounds beside its original, and where the two curves of rate and quality part."""
