"""Originals: an index of known videos that finds copies of them, whole or in part."""

from mmu.originals.fingerprint import Fingerprint, fingerprint_file, fingerprint_report
from mmu.originals.match import COPY, Copy, SpanPair, find_copy
from mmu.originals.sound import SameSound, SoundIndex
from mmu.originals.store import Found, Originals, default_index

__all__ = [
    "COPY",
    "Copy",
    "Fingerprint",
    "Found",
    "Originals",
    "SameSound",
    "SoundIndex",
    "SpanPair",
    "default_index",
    "find_copy",
    "fingerprint_file",
    "fingerprint_report",
]
