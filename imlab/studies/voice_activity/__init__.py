"""What q13_voice_activity is made of."""
