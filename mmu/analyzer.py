"""`Analyzer`: from a source to a report."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import mmu
from mmu.engine import Engine, Progress
from mmu.errors import ConfigError, MediaError
from mmu.gallery.known import Known
from mmu.knowledge import load_knowledge
from mmu.media.options import DecodeOptions
from mmu.moderation.sentiment import sentiment
from mmu.networks import ConfigSource, NetworkConfig, load_networks
from mmu.observed import Observed
from mmu.observer import Observer
from mmu.outcome import ErrorItem, Outcome, StageOutcome
from mmu.perception.catalog import build_stages
from mmu.reasoning.understand import user_signals
from mmu.report.schema import SCHEMA, Report, Tag
from mmu.request import Request, Source, clean_topics, describe, digest
from mmu.several import in_order
from mmu.signals import OPEN_EMBEDDINGS, Signal, SignalSet
from mmu.songs.stage import SongLookup
from mmu.taught.recognise import SPACE_OF
from models.onnx_place import CPU, find_place
from models.store import Store

if TYPE_CHECKING:
    from mmu.media.ahead import Opening

logger = logging.getLogger(__name__)

Profile = Literal["cpu", "gpu"]


class Analyzer:
    """Loaded networks and knowledge, used for one video after another, or by several threads.

    A context manager; networks are loaded at the first video that needs them. Of several videos at once a
    stage takes one after the other, but for those by a torch network, which share its batches.
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
            ConfigError: unknown profile, stage or network, an option out of range, or no such GPU to decode.
            ModelError: weights or the GPU are missing; the message says how to get them.
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
        self._onnx = find_place(
            self._networks.onnx,
            half=self._networks.precision == "fp16",
            deterministic=self._networks.deterministic,
            engines=self._store.root / "tensorrt",
        )
        self._engine = Engine(stages, self._store, threads=threads, onnx=self._onnx)
        self._reasoning = threading.Lock()
        adapted = self._adapted()
        self._knowledge = load_knowledge(
            self._store,
            threads=threads or len(os.sched_getaffinity(0)),
            policy=policy,
            shadow_policies=shadow_policies,
            classifier=classifier,
            learned=learned,
            taught=taught,
            foreign={space for stage, space in SPACE_OF.items() if stage in adapted},
        )
        self._decode = decode or DecodeOptions()
        if self._networks.decode != "cpu":
            self._decode = replace(self._decode, device=self._networks.decode)
        if self._decode.device not in ("auto", "cpu"):
            from mmu.media.hardware import check_device

            check_device(self._decode.device)
        similarity = self._knowledge.brain.similarity
        #: decodes and runs the stages, whole or in parts
        self.observer = Observer(
            self._engine, self._decode, compares=None if similarity is None else similarity.load
        )
        self._embeddings = embeddings
        if gallery is not None and "faces" in adapted:
            raise ConfigError(
                f"the gallery {gallery} knows faces by the network of the cpu profile; {adapted['faces']} "
                "runs stage faces here: leave the gallery out, or say `stages: {faces: default}`"
            )
        self._known = Known(faces=gallery, voices=voices)
        used = [name for stage in self._engine.stages for name in stage.models]
        self._models = {
            name: digest(*(file.sha256 for file in self._store.manifest.model(name).files))
            for name in dict.fromkeys([*used, *self._knowledge.models])
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
        ahead: Opening | None = None,
    ) -> Report:
        """Analyse one video.

        Args:
            source: path, http(s) URL, any fsspec URL, or a binary file object.
            title: as its user wrote it.
            topics: hashtags, with or without `#`.
            progress: called as stages end.
            ahead: the source, already being decoded; used when it is decoded as this analyzer would.

        Returns:
            A report; a file that cannot be decoded gives one with outcome `failed` and the reason.
        """
        title, topics = title or "", clean_topics(topics)
        uri = describe(source)
        try:
            observed = self.observer.observe(source, progress=progress, ahead=ahead)
            return self.conclude(observed, title=title, topics=topics)
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

    def analyze_many(self, requests: Iterable[Request | Source], *, at_once: int = 1) -> Iterator[Report]:
        """Reports in the order of the requests.

        Args:
            requests: read one at a time, and no further ahead than `at_once` says.
            at_once: videos analysed at once, each with `threads` threads; pays where a GPU waits for more.

        Raises:
            ConfigError: `at_once` is below 1.
        """
        return in_order(self._one_of_many, requests, at_once=at_once)

    def _one_of_many(self, request: Request | Source) -> Report:
        one = request if isinstance(request, Request) else Request(request)
        return self.analyze(one.source, title=one.title, topics=one.topics)

    def retag(self, report: Report, *, axes: frozenset[str] | None = None) -> list[Tag]:
        """Reason again over the signals of a stored report, with the evidence of `axes` alone.

        Args:
            report: any report with its signals.
            axes: of `face`, `image`, `text`, `speech`, `audio`, `user` (default: all).
        """
        signals = SignalSet(Signal.from_json(one) for one in report.signals)
        duration = report.media.duration if report.media else 0.0
        frame = report.media.frame if report.media else None
        return self._knowledge.brain.tag(signals, duration=duration, frame=frame, axes=axes)

    def conclude(self, observed: Observed, *, title: str = "", topics: Sequence[str] = ()) -> Report:
        """Reason over what was observed: the second half of `analyze`."""
        with self._reasoning:
            return self._conclude(observed, title or "", clean_topics(topics))

    def _conclude(self, observed: Observed, title: str, topics: Sequence[str]) -> Report:
        perceived, facts = observed.perceived, observed.facts
        signals = SignalSet([*user_signals(title, topics), *perceived.signals])
        signals = self._known.name(signals)
        brain, taught = self._knowledge.brain, self._knowledge.taught
        if taught is not None:
            signals = taught.add_to(signals, title=title)
        if brain.similarity is not None:
            felt = sentiment(list(signals), title, topics, brain.similarity.embed)
            if felt is not None:
                signals.add(felt)
        understanding = brain.understand(
            signals,
            title=title,
            topics=topics,
            frame=facts.frame,
            duration=facts.duration,
            medium=observed.medium,
            embeddings=self._embeddings,
        )
        understanding.moderation = observed.doubt(understanding.moderation)
        stage_errors = [item for stage in perceived.stages for item in stage.errors]
        return Report(
            id=observed.sha256,
            uri=facts.uri,
            outcome=observed.outcome,
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
        decode = asdict(self._decode)
        if self._decode.device == "cpu":
            del decode["device"]  # as it was before there was a choice
        parts: dict[str, Any] = {
            "schema": SCHEMA,
            "version": mmu.__version__,
            "stages": [stage.name for stage in self._engine.stages],
            "models": self._models,
            "decode": decode,
            "embeddings": self._embeddings,
            **self._knowledge.digests(),
            **self._known.digests(),
        }
        if choices := {stage.name: found for stage in self._engine.stages if (found := stage.describe())}:
            parts["networks"] = choices
        if self._onnx != CPU:
            parts["onnx"] = str(self._onnx)
        if self._songs is not None:
            parts["songs"] = self._songs.digest()
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
