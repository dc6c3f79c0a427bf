"""Files go out: from memory, from the disk, in parts."""
