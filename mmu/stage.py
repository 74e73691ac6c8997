"""The contract of a perception stage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mmu.errors import ConfigError
from mmu.signals import KINDS, Signal, SignalSet

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store


@dataclass(frozen=True, slots=True)
class Needs:
    """What a stage reads. A stage is skipped, not failed, when the clip has no such stream."""

    frames: bool = False
    #: sample rates: 16000 is mono, 44100 is stereo
    audio: frozenset[int] = frozenset()
    #: kinds that earlier stages must be able to emit
    kinds: frozenset[str] = frozenset()
    #: kinds that are used when an earlier stage emits them, and done without otherwise
    wants: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cost:
    """What one running instance occupies; sizes the actors on Ray."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_mb: int = 300
    #: of work for a minute of video, roughly; the engine starts what takes long first
    seconds: float = 1.0


class Stage(ABC):
    """One perception task: light constructor, `setup` loads, `run` works, `close` frees.

    `run` is called for one clip at a time, unless `several_clips` says that it may be
    called for several, and returns signals whose kinds are all in `emits`. It raises
    nothing for odd content: what it cannot judge it leaves out.
    """

    name: ClassVar[str]
    needs: ClassVar[Needs]
    emits: ClassVar[frozenset[str]]
    cost: ClassVar[Cost] = Cost()
    #: names of `models/manifest.toml` whose files must be in the store
    models: ClassVar[tuple[str, ...]] = ()
    #: whether `run` may be called for several clips at once, each in a thread of its own
    several_clips: ClassVar[bool] = False
    #: whether most of the work is done by functions called by `recalled`: then the windows of a long
    #: video may be looked at ahead (see `mmu.recall`)
    recalls: ClassVar[bool] = False

    def check(self, store: Store) -> Mapping[str, str]:
        """Find what `setup` will load beside `models`, without loading it: name and version -> SHA-256.

        Raises:
            ModelError: a library or weights are missing, damaged or not licensed for this use.
        """
        return {}

    def describe(self) -> Mapping[str, Any]:
        """What of the user's choices changes the results of this stage; part of the fingerprint."""
        return {}

    def notes(self) -> list[str]:
        """What the last run of this thread has to tell that is no error; asked once a run."""
        return []

    def setup(self, store: Store, *, threads: int = 1) -> None:
        """Load weights from `store`; native libraries get `threads` threads and no more."""

    def at_work(self) -> AbstractContextManager[None]:
        """Held while `run` works, where `several_clips`."""
        return nullcontext()

    @abstractmethod
    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """Look at the clip and at the signals so far, and return new ones."""

    def close(self) -> None:
        """Free what `setup` loaded."""


def validate(stages: Iterable[Stage]) -> None:
    """Check that every stage's needs are met by an earlier one, and that a kind has one emitter.

    Raises:
        ConfigError: an unmet need, a name used twice, an unknown kind or a kind that two
            stages emit, with the stage's name.
    """
    emitted: set[str] = set()
    names: set[str] = set()
    for stage in stages:
        if stage.name in names:
            raise ConfigError(f"stage {stage.name!r} is in the pipeline twice")
        names.add(stage.name)
        unknown = (stage.emits | stage.needs.kinds | stage.needs.wants) - KINDS.keys()
        if unknown:
            raise ConfigError(f"stage {stage.name!r} names unknown kinds: {', '.join(sorted(unknown))}")
        shared = stage.emits & emitted
        if shared:
            raise ConfigError(
                f"stage {stage.name!r} emits {', '.join(sorted(shared))}, as an earlier stage does"
            )
        unmet = stage.needs.kinds - emitted
        if unmet:
            raise ConfigError(
                f"stage {stage.name!r} needs {', '.join(sorted(unmet))}, which no earlier stage emits"
            )
        emitted |= stage.emits
