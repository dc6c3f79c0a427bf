"""What is decided before the data: experiments, their cells, and where studies are found."""
