"""The Python API: from a source to a report."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import kg
import mmu
from mmu.engine import Engine, Perceived, Progress
from mmu.errors import ConfigError, MediaError
from mmu.gallery.known import Known
from mmu.learning.learned import load_learned
from mmu.media.options import DecodeOptions
from mmu.moderation.decide import load_classifier
from mmu.moderation.policy import load_policy
from mmu.moderation.sentiment import sentiment
from mmu.networks import ConfigSource, NetworkConfig, load_networks
from mmu.observed import Observed
from mmu.outcome import ErrorItem, Outcome, StageOutcome
from mmu.perception.catalog import build_stages
from mmu.reasoning.entities import MODEL as LEXER
from mmu.reasoning.entities import load_recogniser
from mmu.reasoning.settings import load_settings
from mmu.reasoning.similarity import MODELS as TEXT_MODELS
from mmu.reasoning.similarity import load_similarity
from mmu.reasoning.understand import Brain, user_signals
from mmu.report.schema import SCHEMA, Moderation, Report, Tag
from mmu.request import Source, clean_topics, describe, digest
from mmu.signals import OPEN_EMBEDDINGS, Signal, SignalSet
from mmu.songs.stage import SongLookup
from mmu.taught.recognise import SPACE_OF, Taught, with_taught
from mmu.taught.store import TaughtStore
from models.store import Store

logger = logging.getLogger(__name__)

Profile = Literal["cpu", "gpu"]

#: stages that moderation relies on
MODERATED = ("explicit", "text", "speech")


@dataclass(frozen=True, slots=True)
class Request:
    """One video with the words its user gave it."""

    source: Source
    title: str = ""
    topics: Sequence[str] = field(default_factory=tuple)


class Analyzer:
    """Loaded networks and knowledge, used for one video after another.

    A context manager; networks are loaded at the first video that needs them.
    """

    def __init__(
        self,
        *,
        profile: Profile | None = None,
        config: ConfigSource | NetworkConfig | None = None,
        only: Iterable[str] | None = None,
        skip: Iterable[str] = (),
        threads: int | None = None,
        store: Store | None = None,
        policy: str | os.PathLike[str] | None = None,
        shadow_policies: Sequence[str | os.PathLike[str]] = (),
        classifier: str | os.PathLike[str] | None = None,
        decode: DecodeOptions | None = None,
        embeddings: bool = False,
        gallery: str | os.PathLike[str] | None = None,
        learned: str | os.PathLike[str] | Literal[False] | None = None,
        voices: str | os.PathLike[str] | None = None,
        songs: str | os.PathLike[str] | None = None,
        taught: str | os.PathLike[str] | None = None,
    ) -> None:
        """Choose what runs.

        Args:
            profile: which table of networks to use (default: that of `config`, or `cpu`).
            config: YAML file, or its content, that gives stages to other networks (see `mmu.networks`).
            only: run these stages (and what they need) and no others.
            skip: leave these stages out.
            threads: CPU threads in all (default: the cores this process may use).
            store: weights (default: the user's store).
            policy: moderation policy file (default: the shipped one).
            shadow_policies: policy files that are evaluated and reported beside it, never acted on.
            classifier: folder of a trained text classifier (`mmu policy train`) that takes part.
            decode: sampling and limits of the decoder.
            embeddings: put embeddings of faces and voices (biometric data) and pictures into reports.
            gallery: file of known people (`mmu people`), read once; people it knows are named.
            learned: file that `mmu learn` wrote (default: `$MMU_HOME/learned.yaml`, if there is one);
                False uses the shipped numbers alone.
            voices: file of known voices (`mmu voices`), read once; speakers it knows are named.
            songs: folder of a song library (`mmu songs`); its tracks are recognised in the music.
            taught: folder of taught concepts (`mmu teach`), read once (default: the user's own).

        Raises:
            ConfigError: unknown profile, stage or network, or an option out of range.
            ModelError: weights are missing; the message says how to get them.
            PolicyError: a policy file cannot be used.
            StoreError: a gallery, the song library, a taught concept or the classifier cannot be read.
        """
        if threads is not None and threads < 1:
            raise ConfigError(f"threads must be at least 1, not {threads}")
        self._networks = load_networks(config, profile=profile)
        self.profile = self._networks.profile
        self._store = store or Store()
        stages = list(build_stages(config=self._networks, only=only, skip=skip))
        self._songs = None if songs is None else SongLookup(Path(songs))
        if self._songs is not None:
            stages.append(self._songs)
        self._engine = Engine(stages, self._store, threads=threads)
        # Encoders of text are loaded at the first video with topics; without their weights, words decide.
        similarity = load_similarity(self._store, threads=threads or len(os.sched_getaffinity(0)))
        rules = load_policy(None if policy is None else Path(policy))
        weights = None if learned is False else load_learned(None if learned is None else Path(learned))
        settings = load_settings() if weights is None else weights.apply(load_settings())
        lessons = TaughtStore(None if taught is None else Path(taught))
        concepts = lessons.all()
        foreign = {space for stage, space in SPACE_OF.items() if stage in self._adapted()}
        self._taught = Taught.of(concepts, similarity, without=foreign) if concepts else None
        self._lessons = lessons.digest
        graph = with_taught(kg.load(), concepts)
        self._brain = Brain(
            graph,
            settings,
            rules,
            similarity,
            weights.rules if weights else {},
            load_classifier(classifier, similarity),
            tuple(load_policy(Path(one)).as_shadow() for one in shadow_policies),
            load_recogniser(self._store, graph),
        )
        self._decode = decode or DecodeOptions()
        self._embeddings = embeddings
        if gallery is not None and "faces" in (adapted := self._adapted()):
            raise ConfigError(
                f"the gallery {gallery} knows faces by the network of the cpu profile; {adapted['faces']} "
                "runs stage faces here: leave the gallery out, or say `stages: {faces: default}`"
            )
        self._known = Known(faces=gallery, voices=voices)
        reasoning = [*(TEXT_MODELS if similarity else ()), *([LEXER] if self._store.has(LEXER) else ())]
        used = [name for stage in self._engine.stages for name in stage.models]
        self._models = {
            name: digest(*(file.sha256 for file in self._store.manifest.model(name).files))
            for name in dict.fromkeys([*used, *reasoning])
        } | {name: digest(sha256) for name, sha256 in self._engine.supplied.items()}
        self._fingerprint = self._make_fingerprint()

    def _adapted(self) -> dict[str, str]:
        """Stage -> adapter, where one runs it."""
        return {
            stage.name: str(choice["adapter"])
            for stage in self._engine.stages
            if (choice := stage.describe()).get("adapter")
        }

    @property
    def fingerprint(self) -> str:
        """Identifies code version, stages, weights and options: equal fingerprints, equal reports."""
        return self._fingerprint

    def analyze(
        self,
        source: Source,
        *,
        title: str = "",
        topics: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Report:
        """Analyse one video.

        Args:
            source: path, http(s) URL, any fsspec URL, or a binary file object.
            title: as its user wrote it.
            topics: hashtags, with or without `#`.
            progress: called as stages end.

        Returns:
            A report; a file that cannot be decoded gives one with outcome `failed` and the reason.
        """
        title, topics = title or "", clean_topics(topics)
        uri = describe(source)
        try:
            return self.conclude(self.observe(source, progress=progress), title=title, topics=topics)
        except MediaError as error:
            logger.info("cannot decode %s: %s", uri, error)
            return Report(
                id=error.sha256,
                uri=uri,
                outcome=Outcome.FAILED,
                errors=[ErrorItem(where="media", code=error.code, message=str(error))],
                title=title,
                user_topics=list(topics),
                stages=[
                    StageOutcome(name=stage.name, outcome=Outcome.SKIPPED) for stage in self._engine.stages
                ],
                models=self._models,
                profile=self.profile,
                pipeline=self._fingerprint,
            )

    def analyze_many(self, requests: Iterable[Request | Source]) -> Iterator[Report]:
        """Reports in the order of the requests, one at a time; nothing is read ahead."""
        for request in requests:
            one = request if isinstance(request, Request) else Request(request)
            yield self.analyze(one.source, title=one.title, topics=one.topics)

    def retag(self, report: Report, *, axes: frozenset[str] | None = None) -> list[Tag]:
        """Reason again over the signals of a stored report, with the evidence of `axes` alone.

        Args:
            report: any report with its signals.
            axes: of `face`, `image`, `text`, `speech`, `audio`, `user` (default: all).
        """
        signals = SignalSet(Signal.from_json(one) for one in report.signals)
        duration = report.media.duration if report.media else 0.0
        frame = report.media.frame if report.media else None
        return self._brain.tag(signals, duration=duration, frame=frame, axes=axes)

    def observe(
        self,
        source: Source,
        *,
        stages: Iterable[str] | None = None,
        progress: Progress | None = None,
        given: Iterable[Signal] = (),
    ) -> Observed:
        """Decode one video and run the stages on it, or some of them: the first half of `analyze`.

        `stage_groups` says which stages may run apart from each other without a change of the result.

        Args:
            given: what stages that do not run now have emitted already.

        Raises:
            MediaError: nothing can be decoded.
        """
        from mmu.media.open import open_clip

        rates = frozenset(rate for stage in self._engine.stages for rate in stage.needs.audio)
        if progress:
            progress("decode", 0, len(self._engine.stages))
        with open_clip(source, options=self._decode, audio_rates=rates) as clip:
            return Observed(
                sha256=clip.sha256,
                facts=clip.facts.model_copy(update={"uri": describe(source)}),
                medium="picture" if clip.still else "video" if clip.has_video else "audio",
                errors=clip.errors,
                perceived=self._engine.perceive(clip, progress=progress, only=stages, given=given),
            )

    @property
    def stage_groups(self) -> list[list[str]]:
        """Names of the stages, group by group: stages of different groups read nothing of each other."""
        return self._engine.groups()[0]

    def complete(
        self, source: Source, parts: Sequence[Observed], *, progress: Progress | None = None
    ) -> Observed:
        """Join what `observe` gave for the groups of stages, and run those that read from several groups.

        Raises:
            ConfigError: as `merge`.
            MediaError: the video can no longer be decoded.
        """
        late = self._engine.groups()[1]
        if not late:
            return self.merge(parts)
        early = [stage.name for stage in self._engine.stages if stage.name not in late]
        joined = Observed.merge(parts, early, self._engine.emitters)
        rest = self.observe(source, stages=late, progress=progress, given=joined.perceived.signals)
        return self.merge([joined, rest])

    def merge(self, parts: Sequence[Observed]) -> Observed:
        """Join what `observe` gave for all stages, possibly in several processes.

        Raises:
            ConfigError: a stage is missing, or the file changed in between.
        """
        return Observed.merge(parts, [stage.name for stage in self._engine.stages], self._engine.emitters)

    def conclude(self, observed: Observed, *, title: str = "", topics: Sequence[str] = ()) -> Report:
        """Reason over what was observed: the second half of `analyze`."""
        title, topics = title or "", clean_topics(topics)
        perceived, facts = observed.perceived, observed.facts
        signals = SignalSet([*user_signals(title, topics), *perceived.signals])
        signals = self._known.name(signals)
        if self._taught is not None:
            signals = self._taught.add_to(signals, title=title)
        if self._brain.similarity is not None:
            felt = sentiment(list(signals), title, topics, self._brain.similarity.embed)
            if felt is not None:
                signals.add(felt)
        understanding = self._brain.understand(
            signals,
            title=title,
            topics=topics,
            frame=facts.frame,
            duration=facts.duration,
            medium=observed.medium,
            embeddings=self._embeddings,
        )
        understanding.moderation = _with_unchecked(understanding.moderation, perceived)
        stage_errors = [item for stage in perceived.stages for item in stage.errors]
        return Report(
            id=observed.sha256,
            uri=facts.uri,
            outcome=_outcome(observed.errors, perceived),
            errors=[*observed.errors, *stage_errors],
            title=title,
            user_topics=list(topics),
            media=facts,
            **{name: getattr(understanding, name) for name in understanding.__dataclass_fields__},
            signals=[
                one.to_json(embedding=self._embeddings or one.kind in OPEN_EMBEDDINGS) for one in signals
            ],
            stages=perceived.stages,
            models=self._models,
            profile=self.profile,
            pipeline=self._fingerprint,
        )

    def _make_fingerprint(self) -> str:
        parts: dict[str, Any] = {
            "schema": SCHEMA,
            "version": mmu.__version__,
            "stages": [stage.name for stage in self._engine.stages],
            "models": self._models,
            "decode": asdict(self._decode),
            "fusion": self._brain.settings.model_dump(),
            "graph": digest(repr(self._brain.graph.concepts), repr(self._brain.graph.labels)),
            "policy": [one.digest for one in (self._brain.policy, *self._brain.shadows)],
            "embeddings": self._embeddings,
        }
        if choices := {stage.name: found for stage in self._engine.stages if (found := stage.describe())}:
            parts["networks"] = choices
        if self._brain.rule_factors:
            parts["rules"] = dict(self._brain.rule_factors)
        if self._brain.classifier is not None:
            parts["classifier"] = self._brain.classifier.digest
        parts |= self._known.digests()
        if self._songs is not None:
            parts["songs"] = self._songs.digest()
        if self._lessons:
            parts["taught"] = self._lessons
        return digest(json.dumps(parts, sort_keys=True, default=str))[:16]

    def close(self) -> None:
        """Free the networks."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _outcome(media_errors: Sequence[ErrorItem], perceived: Perceived) -> Outcome:
    states = [stage.outcome for stage in perceived.stages if stage.outcome is not Outcome.SKIPPED]
    if states and all(state is Outcome.FAILED for state in states):
        return Outcome.FAILED
    return Outcome.PARTIAL if media_errors or Outcome.FAILED in states else Outcome.OK


def _with_unchecked(moderation: Moderation | None, perceived: Perceived) -> Moderation | None:
    """Name the stages that could not look; a video that was not looked at does not pass."""
    states = {stage.name: stage.outcome for stage in perceived.stages}
    unchecked = [name for name in MODERATED if states.get(name, Outcome.FAILED) is Outcome.FAILED]
    if moderation is None or not unchecked:
        return moderation
    decision = "review" if moderation.decision == "pass" else moderation.decision
    return moderation.model_copy(update={"unchecked": unchecked, "decision": decision})


def analyze(
    source: Source,
    *,
    title: str = "",
    topics: Sequence[str] = (),
    profile: Profile | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Analyse one video; see `Analyzer` for the options and `Analyzer.analyze` for the arguments.

    Loading the networks takes a few seconds: for many videos use `analyze_many` or an `Analyzer`.
    """
    with Analyzer(profile=profile, **options) as analyzer:
        return analyzer.analyze(source, title=title, topics=topics, progress=progress)


def analyze_many(
    requests: Iterable[Request | Source], *, profile: Profile | None = None, **options: Any
) -> Iterator[Report]:
    """Analyse many videos with one set of loaded networks; a generator of reports in order."""
    with Analyzer(profile=profile, **options) as analyzer:
        yield from analyzer.analyze_many(requests)
