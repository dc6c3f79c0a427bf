"""What q14_upload is made of: contenders, works, a generator cheap enough to saturate them, readings."""
