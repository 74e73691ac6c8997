"""Marks of machine-made content in the file's own metadata."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mmu.media.provenance import read_marks
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs, Stage

if TYPE_CHECKING:
    from mmu.media.clip import Clip

logger = logging.getLogger(__name__)
_SOURCE = "mmu.metadata@1"


class Provenance(Stage):
    """C2PA manifests, XMP, EXIF and container tags that name a generator; nothing is verified."""

    name = "provenance"
    needs = Needs()
    emits = frozenset({"media.generator"})
    cost = Cost(cpus=0.2, memory_mb=20)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """Emit one signal a mark; none for a clip without a file."""
        if clip.path is None:
            return []
        try:
            marks = read_marks(clip.path)
        except OSError as error:
            logger.info("cannot read the metadata of %s: %s", clip.uri, error)
            return []
        return [
            Signal("media.generator", mark.value, mark.score, None, _SOURCE, attributes={"place": mark.place})
            for mark in marks
        ]
