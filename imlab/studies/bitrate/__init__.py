"""What q02_bitrate is made of."""
