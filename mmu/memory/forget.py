"""Forgetting: one call that removes a person or a video from every store that may hold them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kg.errors import GraphError
from kg.linker import normalise
from mmu.errors import StoreError
from mmu.gallery.store import Gallery
from mmu.gallery.voices import VoiceGallery
from mmu.memory.memory import Memory
from mmu.moderation.queue.sqlite import SqliteQueue
from mmu.originals.store import Originals
from mmu.search.index import SearchIndex
from models.store import default_root


def forget_person(name: str, *, home: Path | None = None) -> dict[str, int]:
    """Remove a person: faces and voices of the galleries, and what memory and search index know of them.

    Args:
        name: as in the gallery, or `#number` of somebody whom the memory met without a name.
        home: the folder of the stores (default: the user's own).

    Returns:
        Store -> how much was removed; empty where the name was nowhere.
    """
    root = home or default_root()
    removed = {}
    for label, kind in (("faces", Gallery), ("voices", VoiceGallery)):
        path = root / kind.file_name
        if path.is_file():
            with kind(path, create=False) as gallery:
                removed[label] = _count(lambda gallery=gallery: gallery.remove(name))  # type: ignore[misc]
    if (root / "memory" / "graph.sqlite").is_file():
        with Memory(root / "memory", create=False) as memory:
            keys = [("person", name), ("voice", name), ("name", f"person:{normalise(name)}")]
            removed["memory"] = sum(memory.remove(kind, key) for kind, key in keys)
    if (root / "search" / "search.sqlite").is_file():
        with SearchIndex(root / "search", create=False) as index:
            removed["search"] = index.forget_person(name)
    return {label: count for label, count in removed.items() if count}


def forget_video(which: str, *, home: Path | None = None) -> dict[str, int]:
    """Remove a video from the memory, the search index, the index of originals and the review queue.

    Args:
        which: its URI or SHA-256.
        home: the folder of the stores (default: the user's own).

    Returns:
        Store -> how much was removed; empty where the video was nowhere.
    """
    root = home or default_root()
    removed = {}
    if (root / "memory" / "graph.sqlite").is_file():
        with Memory(root / "memory", create=False) as memory:
            removed["memory"] = sum(memory.remove("video", key) for key in memory.video_keys(which))
    if (root / "search" / "search.sqlite").is_file():
        with SearchIndex(root / "search", create=False) as index:
            removed["search"] = _count(lambda: index.remove(which))
    if (root / "originals" / "originals.sqlite").is_file():
        with Originals(root / "originals", create=False) as originals:
            removed["originals"] = _count(lambda: originals.remove(which))
    queue_file = _queue(root, own=home is None)
    if queue_file is not None:
        with SqliteQueue(queue_file) as queue:
            removed["queue"] = queue.forget(which)
    return {label: count for label, count in removed.items() if count}


def _queue(root: Path, *, own: bool) -> Path | None:
    """The review queue, where it is a file: that of `$MMU_QUEUE`, or the one in the folder."""
    url = os.environ.get("MMU_QUEUE", "") if own else ""
    if is_broker(url):
        return None
    file = Path(url.removeprefix("sqlite://")) if url else root / "review.sqlite"
    return file if file.is_file() else None


def is_broker(url: str) -> bool:
    """Whether a queue's URL is that of a broker, from which nothing can be taken back."""
    return "://" in url and not url.startswith("sqlite://")


def _count(remove: Callable[[], int]) -> int:
    try:
        return remove()
    except (StoreError, GraphError) as error:
        if "cannot be used" in str(error):
            raise
        return 0
