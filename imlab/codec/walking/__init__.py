"""Files seen through without decoding them: what a server does to each before it takes one."""
