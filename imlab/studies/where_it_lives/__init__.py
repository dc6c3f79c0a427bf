"""What q18_where_the_80_percent_lives is made of."""
