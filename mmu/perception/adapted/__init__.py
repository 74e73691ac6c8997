"""Stages run by full-size third-party networks: they emit the same signals as the default stages."""
