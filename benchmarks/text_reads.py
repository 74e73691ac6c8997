"""How much reading of on-screen text is spared by looking at changes only.

    python -m benchmarks.text_reads VIDEO…

Counts the sampled frames, those that are searched for text, the lines found in them, and the lines that
are read; a line that stands where it stood and looks as it did is not read again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmu.errors import USER_ERRORS
from mmu.media.open import open_clip
from mmu.perception.text import TextStage
from mmu.perception.text_reader import Image, LineReading, Region, TextReader
from mmu.signals import SignalSet
from models.store import Store


class Counter:
    """Counts what a reader is asked for."""

    def __init__(self, reader: TextReader) -> None:
        self.searched = self.found = self.read = 0
        self._find, self._read = reader.find, reader.read
        reader.find, reader.read = self.find, self.lines  # type: ignore[method-assign]

    def find(self, image: Image) -> list[Region]:
        """Search one frame."""
        regions = self._find(image)
        self.searched, self.found = self.searched + 1, self.found + len(regions)
        return regions

    def lines(self, image: Image, regions: Sequence[Region]) -> list[LineReading]:
        """Read some lines."""
        self.read += len(regions)
        return self._read(image, regions)


def main(argv: Sequence[str] | None = None) -> int:
    """Print one row a video; 2 when one cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text_reads", description=__doc__.splitlines()[0]
    )
    parser.add_argument("videos", nargs="+", metavar="VIDEO")
    args = parser.parse_args(argv)
    print("| video | frames sampled | searched | lines found | lines read | lines reported |")
    print("|---|---:|---:|---:|---:|---:|")
    try:
        stage = TextStage()
        stage.setup(Store())
        assert stage._video is not None
        for video in args.videos:
            counter = Counter(stage._video)
            with open_clip(video) as clip:
                lines = stage.run(clip, SignalSet())
                row = (len(clip), counter.searched, counter.found, counter.read, len(lines))
            print(f"| {video} | {' | '.join(map(str, row))} |", flush=True)
    except USER_ERRORS as error:
        print(f"text_reads: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
