"""Drivers: sockets and clocks, real and virtual. They decide nothing."""
