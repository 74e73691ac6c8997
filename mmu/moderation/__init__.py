"""Moderation: policies as files, and the decision they lead to for one video."""
