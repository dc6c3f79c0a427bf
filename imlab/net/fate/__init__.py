"""What befalls a packet on a link: rate, queue, loss, order, outages; one core for all engines."""
