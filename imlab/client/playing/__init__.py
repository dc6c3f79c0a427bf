"""Sound files heard while they come: bytes from anywhere in the file, pages, packets, samples. No I/O."""
