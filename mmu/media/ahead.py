"""`Opening`: a clip that is being decoded while its caller does something else."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from mmu.media.clip import Clip
from mmu.media.open import open_clip
from mmu.media.options import AUDIO_CHANNELS, DecodeOptions


class Opening:
    """Decoding begins at once, in a worker process; `close` leaves nothing of it behind.

    Args:
        source: a path, or a `file:`, `http(s):` or fsspec URI.
        options: as for `open_clip`.
    """

    def __init__(self, source: str | os.PathLike[str], *, options: DecodeOptions | None = None) -> None:
        self.options = options or DecodeOptions()
        self.rates = frozenset(AUDIO_CHANNELS)
        self._given_up = threading.Event()
        self._taken = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="opening")
        self._clip = self._pool.submit(
            open_clip, source, options=self.options, audio_rates=self.rates, on_progress=self._go_on
        )

    def fits(self, options: DecodeOptions, rates: frozenset[int]) -> bool:
        """Whether the clip can be used where `open_clip` would be called with these."""
        return not self._taken and options == self.options and rates <= self.rates

    def clip(self) -> Clip:
        """The clip, once it is decoded; it is the caller's from then on.

        Raises:
            MediaError: as `open_clip`.
        """
        self._taken = True
        return self._clip.result()

    def close(self) -> None:
        """Stop decoding and remove what there is of the clip, unless it was taken."""
        self._given_up.set()
        if not self._taken:
            with suppress(Exception):  # nobody wants to know any more
                self._clip.result().close()
        self._pool.shutdown()

    def _go_on(self, seconds: float) -> None:
        if self._given_up.is_set():
            raise _GivenUpError


@contextmanager
def begun(
    source: object, *, profile: str | None, options: DecodeOptions | None, chosen: bool
) -> Iterator[Opening | None]:
    """Decode in the block what `Analyzer` will want; its imports and knowledge take seconds.

    Args:
        source: as for `Analyzer.analyze`. Only a local file is begun with: a file object can be read once
            only, and a download could not be broken off if no analyzer came about.
        profile: of the analyzer; what another than the default decodes on is not known yet.
        options: of the analyzer.
        chosen: stages or networks are chosen, so that it may want less, or decode elsewhere.
    """
    opening = None
    known = profile in (None, "cpu") and not chosen
    if known and isinstance(source, str | os.PathLike) and Path(source).is_file():
        opening = Opening(source, options=options)
    try:
        yield opening
    finally:
        if opening is not None:
            opening.close()


class _GivenUpError(Exception):
    """Ends the decoding from within."""
