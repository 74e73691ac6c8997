"""Known people: a gallery of faces on disk, and the naming of people in a video by it."""

from mmu.gallery.store import GALLERY_COSINE, Gallery, Match, Snapshot, default_gallery

__all__ = ["GALLERY_COSINE", "Gallery", "Match", "Snapshot", "default_gallery"]
