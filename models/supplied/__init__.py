"""Weights that users bring: the full-size networks of the adapters, as entries of `*.toml` here.

Unlike those of `manifest.toml` they travel in no package, so the project cannot pin what it never
saw: an entry names the official place and the licence, and the SHA-256, or its beginning, where the
publisher states it. A file without one is recorded at its first use, and must stay the same.
"""

from models.supplied.entries import Entry, EntryFile, find_entry, load_entries

__all__ = ["Entry", "EntryFile", "find_entry", "load_entries"]
