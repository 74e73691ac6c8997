"""The HTTP service: videos in, reports out."""
