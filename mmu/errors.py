"""Errors that a caller would handle differently.

`ModelError` (weights missing or damaged) comes from `models` and `GraphError`
(an ontology file is wrong) from `kg`; both are re-exported here, and
`USER_ERRORS` is the tuple to catch at a surface.
"""

from kg.errors import GraphError
from models.errors import ModelError


class MmuError(Exception):
    """Base of the errors raised by `mmu` itself. The message names the thing and what to do."""


class MediaError(MmuError):
    """A file that cannot be opened or decoded.

    `code` is a stable machine-readable reason; `sha256` of its bytes when they could be read.
    """

    def __init__(self, message: str, *, code: str = "undecodable", sha256: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.sha256 = sha256


class ConfigError(MmuError):
    """A wrong option, stage name, profile or pipeline."""


class PolicyError(MmuError):
    """A moderation policy file that cannot be used."""


class StoreError(MmuError):
    """A store (files, graph, index, queue) that cannot be read or written."""


USER_ERRORS = (MmuError, ModelError, GraphError)

__all__ = [
    "USER_ERRORS",
    "ConfigError",
    "GraphError",
    "MediaError",
    "MmuError",
    "ModelError",
    "PolicyError",
    "StoreError",
]
