"""What the proxy is made of."""
