"""Hashtags on their own: joined words taken apart, and a stream of posts cleaned without any video."""
