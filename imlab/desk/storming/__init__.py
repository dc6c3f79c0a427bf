"""The work of ./lab storm."""
