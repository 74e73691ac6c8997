"""A text classifier that learns from labelled videos, and what measures it."""
