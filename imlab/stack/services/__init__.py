"""Other people's servers, found on this machine, started on loopback, stopped by the number of their process."""
