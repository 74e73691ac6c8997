"""Memory of videos: a graph of who and what is in which, kept over time."""
