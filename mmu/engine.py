"""`Engine`: loaded stages, run over one clip after another.

Stages run on a thread pool as soon as the stages they read from have ended;
each stage sees only the signals of the kinds it declares, so the result does
not depend on the order in which threads finish. Several threads may each have
a clip looked at: a stage takes one after the other unless it can do better.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mmu.errors import MmuError, ModelError
from mmu.outcome import ErrorItem, Outcome, StageOutcome
from mmu.recall import Answers
from mmu.signals import Signal, SignalSet
from mmu.stage import Stage, validate
from models.onnx_place import CPU, OnnxPlace, placed
from models.store import Store

if TYPE_CHECKING:
    from mmu.media.clip import Clip

logger = logging.getLogger(__name__)

#: called with (stage name, stages ended so far, stages in all)
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Perceived:
    """What perception made of one clip."""

    signals: SignalSet
    stages: list[StageOutcome] = field(default_factory=list)


class Engine:
    """Runs a validated list of stages; `setup` of a stage happens once, at its first clip."""

    def __init__(
        self, stages: Sequence[Stage], store: Store, *, threads: int | None = None, onnx: OnnxPlace = CPU
    ) -> None:
        """Check the pipeline and that its weights are in the store.

        Args:
            stages: in an order in which needs come before use.
            store: where weights are read from; never the network.
            threads: CPU threads in all (default: the cores this process may use).
            onnx: where the stages' ONNX networks run.

        Raises:
            ConfigError: the list of stages does not fit together.
            ModelError: weights are missing; the message says how to get them.
        """
        validate(stages)
        needed = list(dict.fromkeys(name for stage in stages for name in stage.models))
        missing = [name for name in needed if not store.has(name)]
        if missing:
            raise ModelError(
                f"{len(missing)} of {len(needed)} networks are not in {store.root}: {', '.join(missing)}; "
                "run `mmu models pull`"
            )
        #: weights that stages load beside those of the manifest: name and version -> SHA-256
        self.supplied = {name: digest for stage in stages for name, digest in stage.check(store).items()}
        self.stages = list(stages)
        self._store = store
        self._threads = threads or len(os.sched_getaffinity(0))
        self._onnx = onnx
        #: stages that are set up -> what is to be said of where their networks run
        self._ready: dict[str, list[str]] = {}
        self._turns = {stage.name: threading.Lock() for stage in stages}
        self._warm_up: threading.Thread | None = None

    @property
    def emitters(self) -> dict[str, str]:
        """Signal kind -> name of the stage that emits it."""
        return {kind: stage.name for stage in self.stages for kind in stage.emits}

    def groups(self) -> list[list[str]]:
        """Names of stages that may run apart from each other: no signal crosses between the groups.

        A stage that reads from several groups is in none, and comes after them.
        """
        reads = _sources(self.stages)
        groups: list[list[str]] = []
        late: set[str] = set()
        for stage in self.stages:
            read = [group for group in groups if reads[stage.name] & set(group)]
            if len(read) > 1 or reads[stage.name] & late:
                late.add(stage.name)
            elif read:
                read[0].append(stage.name)
            else:
                groups.append([stage.name])
        return groups

    @contextmanager
    def warming_up(
        self, only: Iterable[str] | None = None, *, after: Callable[[], object] | None = None
    ) -> Iterator[None]:
        """Load networks in a thread of its own while the block runs, as a rule while a video is decoded.

        Args:
            only: networks of these stages (default: all).
            after: called when all are loaded and the block still runs.
        """
        names = None if only is None else set(only)
        waiting = [
            one for one in self.stages if one.name not in self._ready and (names is None or one.name in names)
        ]
        ended = threading.Event()

        def load() -> None:
            try:
                for stage in waiting:
                    if ended.is_set():
                        return
                    with self._turns[stage.name]:
                        self._setup(stage)
                if after is not None and not ended.is_set():
                    after()
            except Exception:  # it comes again where the network is needed, and is reported there
                logger.debug("a network could not be loaded ahead", exc_info=True)

        if waiting:
            self._warm_up = threading.Thread(target=load, name="warm-up")
            self._warm_up.start()
        try:
            yield
        finally:
            ended.set()

    def perceive(
        self,
        clip: Clip,
        *,
        progress: Progress | None = None,
        only: Iterable[str] | None = None,
        given: Iterable[Signal] = (),
        answers: Answers | None = None,
    ) -> Perceived:
        """Run every stage, or those of `only`, on the clip. A stage that fails costs its own signals only.

        Args:
            given: what the stages that do not run have emitted already; not in the result.
            answers: where stages that recall find what was answered before, and keep what is new.
        """
        names = {stage.name for stage in self.stages} if only is None else set(only)
        stages = [stage for stage in self.stages if stage.name in names]
        reads = _sources(stages)
        ahead = _seconds_ahead(stages, reads)
        done: dict[str, tuple[StageOutcome, list[Signal]]] = {}
        # What the most work waits for is started first.
        pending = sorted(stages, key=lambda stage: -ahead[stage.name])
        running: dict[Future[tuple[StageOutcome, list[Signal]]], Stage] = {}
        signals = SignalSet(given)
        with ThreadPoolExecutor(self._threads, thread_name_prefix="stage") as pool:
            while pending or running:
                ready = [stage for stage in pending if reads[stage.name] <= done.keys()]
                # Rather than wait for another clip's turn to end, do something else.
                ready.sort(key=lambda stage: self._turns[stage.name].locked())
                for stage in ready[: self._threads - len(running)]:
                    pending.remove(stage)
                    visible = SignalSet(signals.of(*sorted(stage.needs.kinds | stage.needs.wants)))
                    running[pool.submit(self._run, stage, clip, visible, answers)] = stage
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    stage = running.pop(future)
                    outcome, emitted = future.result()
                    stored = [signals.add(signal) for signal in emitted]
                    done[stage.name] = (outcome, stored)
                    if progress:
                        progress(stage.name, len(done), len(stages))
        ordered = SignalSet(signal for stage in stages for signal in done[stage.name][1])
        return Perceived(ordered, [done[stage.name][0] for stage in stages])

    def _run(
        self, stage: Stage, clip: Clip, signals: SignalSet, answers: Answers | None
    ) -> tuple[StageOutcome, list[Signal]]:
        if (stage.needs.frames and not clip.has_video) or (stage.needs.audio and not clip.has_audio):
            return StageOutcome(name=stage.name, outcome=Outcome.SKIPPED), []
        started = time.perf_counter()
        try:
            turn = self._turns[stage.name]
            with turn:
                self._setup(stage)
            with stage.at_work() if stage.several_clips else turn:
                started = time.perf_counter()
                with nullcontext() if answers is None else answers.of(stage.name):
                    emitted = stage.run(clip, signals)
                seconds = round(time.perf_counter() - started, 4)
                notes = stage.notes()
            undeclared = {signal.kind for signal in emitted} - stage.emits
            if undeclared:
                raise MmuError(
                    f"stage {stage.name} emitted undeclared kinds: {', '.join(sorted(undeclared))}"
                )
        except Exception as error:  # whatever a network does to odd content must cost this stage only
            logger.warning("stage %s failed on %s", stage.name, clip.uri, exc_info=True)
            code = "model" if isinstance(error, ModelError) else "stage_failed"
            item = ErrorItem(where=stage.name, code=code, message=f"{type(error).__name__}: {error}")
            seconds = time.perf_counter() - started
            return StageOutcome(name=stage.name, outcome=Outcome.FAILED, seconds=seconds, errors=[item]), []
        return StageOutcome(
            name=stage.name,
            outcome=Outcome.OK,
            seconds=seconds,
            signals=len(emitted),
            notes=[*self._ready[stage.name], *notes],
        ), emitted

    def _setup(self, stage: Stage) -> None:
        if stage.name not in self._ready:
            with placed(self._onnx) as opened:
                stage.setup(self._store, threads=1)
            self._ready[stage.name] = self._onnx.notes(opened)

    def close(self) -> None:
        """Free every loaded network."""
        if self._warm_up is not None:
            self._warm_up.join()
        for stage in self.stages:
            if stage.name in self._ready:
                stage.close()
        self._ready.clear()


def _sources(stages: Sequence[Stage]) -> dict[str, set[str]]:
    """Stage -> the stages whose signals it reads."""
    emitters = {kind: stage.name for stage in stages for kind in stage.emits}
    return {
        stage.name: {emitters[kind] for kind in stage.needs.kinds | stage.needs.wants if kind in emitters}
        - {stage.name}
        for stage in stages
    }


def _seconds_ahead(stages: Sequence[Stage], reads: dict[str, set[str]]) -> dict[str, float]:
    """Stage -> the longest chain of work that begins with it, by `Cost.seconds`."""
    ahead: dict[str, float] = {}
    for stage in reversed(stages):  # readers come after what they read
        after = [seconds for name, seconds in ahead.items() if stage.name in reads[name]]
        ahead[stage.name] = stage.cost.seconds + max(after, default=0.0)
    return ahead
