"""`Observer`: from a source to signals, all stages at once or some of them, the whole or a window of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from mmu.engine import Engine, Progress
from mmu.media.ahead import Opening
from mmu.media.clip import Clip
from mmu.media.options import DecodeOptions
from mmu.observed import Observed
from mmu.recall import Answers
from mmu.request import Source, describe
from mmu.signals import Signal
from mmu.stage import Stage

#: signals that bring words to compare with topics
_WORDS = frozenset({"text.line", "speech.segment"})


class Observer:
    """Decodes videos and runs the stages of an engine on them."""

    def __init__(
        self, engine: Engine, decode: DecodeOptions, *, compares: Callable[[], object] | None = None
    ) -> None:
        """Take an engine.

        Args:
            engine: stages and their networks.
            decode: sampling and limits of the decoder.
            compares: loads what compares the words afterwards, called while the first video is decoded.
        """
        self._engine = engine
        self._decode = decode
        self._compares = compares

    def open(
        self,
        source: Source,
        *,
        stages: Iterable[str] | None = None,
        pictures: bool = True,
        ahead: Opening | None = None,
    ) -> Clip:
        """Decode one video, to be given to `observe`; networks are loaded meanwhile. Close it after use.

        Args:
            source: as for `Analyzer.analyze`.
            stages: those that will look at it (default: all, and words will be compared afterwards).
            pictures: False when none of them looks at pictures.
            ahead: decoding of the same video that began elsewhere.

        Raises:
            MediaError: nothing can be decoded.
        """
        from mmu.media.open import open_clip

        rates = frozenset(rate for stage in self._engine.stages for rate in stage.needs.audio)
        # Parts of the stages are joined elsewhere, and without words there is nothing to compare.
        reads = stages is None and not self._engine.emitters.keys().isdisjoint(_WORDS)
        with self._engine.warming_up(stages, after=self._compares if reads else None):
            if ahead is not None and pictures and ahead.fits(self._decode, rates):
                clip = ahead.clip()
            else:
                clip = open_clip(source, options=self._decode, audio_rates=rates, pictures=pictures)
        clip.facts = clip.facts.model_copy(update={"uri": describe(source)})
        return clip

    def observe(
        self,
        source: Source | Clip,
        *,
        stages: Iterable[str] | None = None,
        progress: Progress | None = None,
        given: Iterable[Signal] = (),
        answers: Answers | None = None,
        ahead: Opening | None = None,
    ) -> Observed:
        """Decode one video and run the stages on it, or some of them: the first half of `Analyzer.analyze`.

        `groups` says which stages may run apart from each other without a change of the result.

        Args:
            source: as for `Analyzer.analyze`, or what `open` gave; that is not closed.
            given: what stages that do not run now have emitted already.
            answers: what networks answered about its windows, see `look_ahead`.
            ahead: as for `open`.

        Raises:
            MediaError: nothing can be decoded.
        """
        if progress:
            progress("decode", 0, len(self._engine.stages))
        with self._opened(source, stages, ahead=ahead) as clip:
            return Observed(
                sha256=clip.sha256,
                facts=clip.facts,
                medium="picture" if clip.still else "video" if clip.has_video else "audio",
                errors=clip.errors,
                perceived=self._engine.perceive(
                    clip, progress=progress, only=stages, given=given, answers=answers
                ),
            )

    def look_ahead(
        self,
        source: Source | Clip,
        start: float,
        end: float,
        *,
        stages: Iterable[str],
        progress: Progress | None = None,
    ) -> Answers:
        """Have stages look at a window of a long video, for what their networks answer.

        Args:
            source: as for `observe`; of a video that is only listened to the sound alone is decoded.
            start: seconds, a multiple of `mmu.media.clip.WINDOW_SECONDS`, as `end` if it is not the end.
            end: seconds.
            stages: names of such that recall (`Stage.recalls`).

        Raises:
            MediaError: nothing can be decoded.
        """
        names, answers = set(stages), Answers()
        looks = any(stage.needs.frames for stage in self._engine.stages if stage.name in names)
        with self._opened(source, names, pictures=looks) as clip:
            window = clip.window(start, end)
            seen = self._engine.perceive(window, progress=progress, only=names, answers=answers)
        answers.seconds.update({stage.name: stage.seconds for stage in seen.stages})
        return answers

    @contextmanager
    def _opened(
        self,
        source: Source | Clip,
        stages: Iterable[str] | None,
        *,
        pictures: bool = True,
        ahead: Opening | None = None,
    ) -> Iterator[Clip]:
        if isinstance(source, Clip):
            yield source
            return
        with self.open(source, stages=stages, pictures=pictures, ahead=ahead) as clip:
            yield clip

    @property
    def groups(self) -> list[list[str]]:
        """Names of the stages, group by group: stages of different groups read nothing of each other."""
        return self._engine.groups()

    @property
    def stages(self) -> Sequence[Stage]:
        """The stages that run, in an order in which needs come before use."""
        return self._engine.stages

    def complete(
        self,
        source: Source | Clip,
        parts: Sequence[Observed],
        *,
        answers: Answers | None = None,
        progress: Progress | None = None,
    ) -> Observed:
        """Join what `observe` gave for some of the stages, and run the others.

        Args:
            source: as for `observe`.
            parts: of different stages.
            answers: what networks answered about windows of the video.

        Raises:
            ConfigError: as `merge`.
            MediaError: the video can no longer be decoded.
        """
        done = {stage.name for part in parts for stage in part.perceived.stages}
        rest = [stage.name for stage in self._engine.stages if stage.name not in done]
        if not rest:
            return self.merge(parts)
        early = [stage.name for stage in self._engine.stages if stage.name in done]
        given = Observed.merge(parts, early, self._engine.emitters).perceived.signals if parts else ()
        last = self.observe(source, stages=rest, progress=progress, given=given, answers=answers)
        for stage in last.perceived.stages:
            stage.seconds += 0.0 if answers is None else answers.seconds[stage.name]
        return self.merge([*parts, last])

    def merge(self, parts: Sequence[Observed]) -> Observed:
        """Join what `observe` gave for all stages, possibly in several processes.

        Raises:
            ConfigError: a stage is missing, or the file changed in between.
        """
        return Observed.merge(parts, [stage.name for stage in self._engine.stages], self._engine.emitters)
