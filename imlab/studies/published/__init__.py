"""What the published article claims, in the words of endpoints that can be measured."""
