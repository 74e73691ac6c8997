"""The engine: order, isolation of failures, skipped streams, declared kinds."""

import threading
from typing import ClassVar

import numpy as np
import pytest

from mmu.engine import Engine
from mmu.errors import ConfigError
from mmu.media.clip import Clip
from mmu.outcome import Outcome
from mmu.perception.catalog import CPU_STAGES, build_stages
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage, validate
from models.store import Store


class Shots(Stage):
    name = "cuts"
    needs = Needs(frames=True)
    emits: ClassVar = frozenset({"media.shot"})

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        return [Signal("media.shot", None, 1.0, Span(0, clip.duration), "t@1")]


class Counter(Stage):
    name = "count"
    needs = Needs(frames=True, kinds=frozenset({"media.shot"}))
    emits: ClassVar = frozenset({"image.label"})

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        return [Signal("image.label", f"{len(signals)} signals seen", 1.0, None, "t@1")]


class Broken(Stage):
    name = "broken"
    needs = Needs(frames=True)
    emits: ClassVar = frozenset({"face.track"})

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        raise RuntimeError("the network has a headache")


class Liar(Broken):
    name = "liar"

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        return [Signal("text.line", "undeclared", 1.0, None, "t@1")]


class Listener(Stage):
    name = "ears"
    needs = Needs(audio=frozenset({16000}))
    emits: ClassVar = frozenset({"audio.segment"})

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        return [Signal("audio.segment", "music", 1.0, Span(0, 1), "t@1")]


@pytest.fixture
def clip() -> Clip:
    picture = np.zeros((48, 64, 3), np.uint8)
    return Clip.from_arrays(frames=[(0.0, picture), (0.5, picture)], audio=None, fps=2.0)


def perceive(clip: Clip, *stages: Stage) -> tuple[dict[str, Outcome], SignalSet]:
    perceived = Engine(stages, Store(), threads=2).perceive(clip)
    return {one.name: one.outcome for one in perceived.stages}, perceived.signals


def test_a_stage_sees_what_it_declares_and_nothing_else(clip: Clip) -> None:
    _, signals = perceive(clip, Shots(), Counter())
    assert [one.value for one in signals.of("image.label")] == ["1 signals seen"]


def test_what_the_most_work_waits_for_comes_first(clip: Clip) -> None:
    class Long(Listener):
        name, needs, cost = "long", Needs(frames=True), Cost(seconds=9)

    class First(Shots):
        cost = Cost(seconds=2)

    class Then(Counter):
        cost = Cost(seconds=8)

    order: list[str] = []
    stages = [First(), Long(), Then()]
    perceived = Engine(stages, Store(), threads=1).perceive(
        clip, progress=lambda name, *_: order.append(name)
    )
    assert order == ["cuts", "long", "count"]
    assert [one.name for one in perceived.stages] == ["cuts", "long", "count"]
    assert [one.kind for one in perceived.signals] == ["media.shot", "audio.segment", "image.label"]


def test_one_failing_stage_costs_its_own_signals(clip: Clip) -> None:
    outcomes, signals = perceive(clip, Broken(), Shots())
    assert outcomes == {"broken": "failed", "cuts": "ok"}
    assert len(signals) == 1


def test_undeclared_kinds_fail_the_stage(clip: Clip) -> None:
    outcomes, signals = perceive(clip, Liar())
    assert outcomes == {"liar": "failed"}
    assert len(signals) == 0


class Loaded(Shots):
    def setup(self, store: Store, *, threads: int) -> None:
        self.by = [*getattr(self, "by", []), threading.current_thread().name]


def test_networks_are_loaded_once_while_a_video_is_decoded(clip: Clip) -> None:
    stage, after = Loaded(), threading.Event()
    engine = Engine([stage], Store())
    with engine.warming_up(after=after.set):
        assert after.wait(60)
    assert engine.perceive(clip).stages[0].outcome is Outcome.OK
    assert stage.by == ["warm-up"]
    with engine.warming_up(after=lambda: pytest.fail("nothing was left to load")):
        pass
    engine.close()


def test_what_cannot_be_loaded_ahead_is_reported_where_it_is_needed(clip: Clip) -> None:
    class Heavy(Loaded):
        def setup(self, store: Store, *, threads: int) -> None:
            super().setup(store, threads=threads)
            tried.set()
            raise RuntimeError("too heavy")

    stage, tried = Heavy(), threading.Event()
    engine = Engine([stage], Store())
    with engine.warming_up():
        assert tried.wait(60)
    (outcome,) = engine.perceive(clip).stages
    assert outcome.outcome is Outcome.FAILED
    assert outcome.errors[0].message == "RuntimeError: too heavy"
    assert len(stage.by) == 2


def test_a_missing_stream_skips(clip: Clip) -> None:
    outcomes, _ = perceive(clip, Shots(), Listener())
    assert outcomes["ears"] is Outcome.SKIPPED


def test_unmet_needs_name_the_stage() -> None:
    with pytest.raises(ConfigError, match="'count' needs media.shot"):
        validate([Counter()])


def test_two_emitters_of_a_kind_are_refused() -> None:
    with pytest.raises(ConfigError, match="'liar' emits face.track"):
        validate([Broken(), Liar()])


def test_the_shipped_pipeline_is_valid() -> None:
    assert [stage.name for stage in build_stages()] == list(CPU_STAGES)


def test_only_brings_what_it_needs_and_unknown_names_are_errors() -> None:
    assert [stage.name for stage in build_stages(only=["shots"])] == ["shots"]
    with pytest.raises(ConfigError, match="unknown stage smell"):
        build_stages(only=["smell"])
    with pytest.raises(ConfigError, match="unknown profile 'tpu'"):
        build_stages("tpu")
    with pytest.raises(ConfigError, match="no stage is left"):
        build_stages(skip=list(CPU_STAGES))
