"""A library of the user's own music, and what plays in a recording according to it."""
