"""The verbs of ./lab, one file each."""
