"""The emotion of a whole video: lasting, several axes, evidence that adds up."""

import pytest

import kg
from mmu.reasoning.emotion import judge_emotion
from mmu.reasoning.observe import observe
from mmu.reasoning.settings import load_settings
from mmu.report.schema import Emotion
from mmu.signals import Signal, SignalSet, Span

GRAPH = kg.load()
SETTINGS = load_settings()


def face(label: str, start: float, end: float, score: float = 0.95) -> Signal:
    return Signal("face.expression", label, score, Span(start, end), "fer@1", track="f1")


def mood(label: str, score: float) -> Signal:
    return Signal("music.tag", label, score, Span(0, 60), "musicnn@1", attributes={"vocabulary": "music_tag"})


def felt(*signals: Signal) -> Emotion | None:
    return judge_emotion(observe(SignalSet(signals), GRAPH, SETTINGS, 60.0), GRAPH, SETTINGS)


def test_a_short_smile_does_not_make_a_sad_video_happy() -> None:
    emotion = felt(face("happy", 0, 1), face("sad", 1, 60))
    assert emotion is not None
    assert emotion.label == "sadness"
    assert emotion.scores["sadness"] > emotion.scores.get("joy", 0.0)


def test_axes_that_agree_are_surer_than_one_and_all_are_named() -> None:
    alone = felt(face("happy", 0, 60))
    both = felt(face("happy", 0, 60), Signal("speech.segment", "今天真开心", 0.9, Span(0, 5), "asr@1"))
    assert alone is not None
    assert both is not None
    assert both.score > alone.score
    assert both.axes.keys() == {"face", "speech"}
    assert {one.axis for one in both.evidence} == {"face", "speech"}
    assert sum(one.weight for one in both.evidence) == pytest.approx(both.score, abs=1e-6)


def test_no_axis_speaks_of_emotion() -> None:
    assert felt() is None
    assert (
        felt(Signal("image.object", "cat", 0.9, Span(0, 5), "c@1", attributes={"vocabulary": "coco"})) is None
    )
