"""The one error of the weights store and the adapters."""


class ModelError(Exception):
    """Weights that are missing, damaged, unobtainable, or refused by their runtime."""
