"""Speech: spans, languages, what is dropped from a transcript, and the stage on real speech."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmu.media.clip import Clip
from mmu.perception import chinese
from mmu.perception.speakers import _regions
from mmu.perception.speech import Speech, _Window
from mmu.perception.speech_spans import Piece, group, pieces, speech_spans
from mmu.perception.spoken_language import shares, smooth_languages
from mmu.perception.transcript_filter import Support, judge
from mmu.signals import Signal, SignalSet, Span
from models.store import Store

RATE = 16000


def probabilities(*parts: tuple[float, float]) -> NDArray[np.float32]:
    """(seconds, probability) parts at a step of 0.1 s."""
    return np.concatenate([np.full(round(seconds * 10), p, np.float32) for seconds, p in parts])


def test_spans_bridge_short_pauses_and_keep_long_ones() -> None:
    found = speech_spans(probabilities((1, 0), (2, 0.9), (0.2, 0), (1, 0.9), (2, 0), (1, 0.9)), 0.1)
    assert found == [pytest.approx((0.9, 4.3)), pytest.approx((6.1, 7.2))]


def test_weak_probability_alone_is_no_speech_but_continues_it() -> None:
    assert speech_spans(probabilities((3, 0.4)), 0.1) == []
    assert speech_spans(probabilities((1, 0.9), (1, 0.4), (1, 0)), 0.1) == [pytest.approx((0.0, 2.1))]


def test_long_span_is_cut_at_its_weakest_moment() -> None:
    found = speech_spans(probabilities((18, 0.9), (0.1, 0.6), (20, 0.9)), 0.1, longest=26)
    assert len(found) == 2
    assert found[0].end == pytest.approx(18.05)
    assert found[1].start == found[0].end


@given(st.lists(st.floats(0, 1, width=32), max_size=400))
def test_spans_rise_and_stay_inside(values: list[float]) -> None:
    found = speech_spans(np.array(values, np.float32), 0.1, pad=0.3, longest=5)
    edges = [time for span in found for time in span]
    assert edges == sorted(edges)
    assert all(0 <= time <= len(values) * 0.1 + 1e-6 for time in edges)
    assert all(span.seconds <= 5 + 1e-6 for span in found)


def test_pieces_hold_one_language_and_find_their_way_back() -> None:
    spans = [Span(0, 10), Span(20, 30), Span(40, 50), Span(60, 70)]
    found = pieces(spans, ["en", "en", "zh", "en"], longest=28)
    assert [piece.language for piece in found] == ["en", "zh", "en"]
    assert found[0].spans == (Span(0, 10), Span(20, 30))
    assert found[0].to_clip(12.0) == 22.0
    assert found[0].index(12.0) == 1
    assert Piece((Span(3, 5),), "en").to_clip(99.0) == 5


def test_groups_end_at_pauses_and_at_their_length() -> None:
    spans = [Span(0, 2), Span(2.5, 4), Span(9, 10), Span(10.2, 19)]
    assert group(spans, gap=1.0, longest=8.0) == [[0, 1], [2], [3]]


def test_short_stretch_follows_its_neighbours_and_a_long_one_does_not() -> None:
    english, dutch, chinese_ = {"en": 0.98}, {"nl": 0.5, "en": 0.3}, {"zh": 0.98}
    assert smooth_languages([english, dutch, english], [5, 0.6, 5]) == ["en", "en", "en"]
    assert smooth_languages([english, chinese_, english], [5, 6, 5]) == ["en", "zh", "en"]


def test_languages_that_are_seldom_spoken_need_more() -> None:
    assert smooth_languages([{"nn": 0.5, "en": 0.3}], [1.0]) == ["en"]
    assert smooth_languages([], []) == []


def test_shares_are_by_time() -> None:
    assert shares(["zh", "en", "zh"], [1, 6, 1]) == {"en": 0.75, "zh": 0.25}


CLEAR = Support(-0.2, 0.02, 1.2, 2.0, 0.95)
WEAK = Support(-0.7, 0.4, 1.2, 2.0, 0.3, music=0.9)


@pytest.mark.parametrize(
    "text", ["字幕由Amara.org社区提供", "请不吝点赞 订阅 转发", "Thanks for watching!", "謝謝觀看"]
)
def test_phantoms_go_only_without_support(text: str) -> None:
    assert judge(text, WEAK) == "phantom"
    assert judge(text, CLEAR) == "keep"


def test_doubtful_segments() -> None:
    assert judge(" ♪ … ", CLEAR) == "empty"
    assert judge("hello there", Support(-1.0, 0.9, 1.0, 2.0, 0.9)) == "no_speech"
    assert judge("hello there", Support(-2.0, 0.1, 1.0, 2.0, 0.9)) == "unlikely"
    assert judge("speech over music is kept", Support(-0.4, 0.1, 1.0, 2.0, 0.9, music=1.0)) == "keep"


def test_loops_go_and_choruses_stay() -> None:
    loop = "Der Lappen liegt. " * 12
    assert judge(loop, Support(-0.05, 0.05, 12.0, 3.0, 0.9)) == "loop"
    assert judge("la " * 12, Support(-0.4, 0.05, 5.0, 8.0, 0.6, music=1.0, sung=True)) == "keep"


def test_chinese_text_is_simplified_and_comparable() -> None:
    assert chinese.tidy("希望 你以後,能夠做的比我好!") == "希望你以后，能够做的比我好！"
    assert chinese.comparable("ＡＢ 二零一九年三百二十個") == "ab2019年320个"
    assert chinese.number_value("一万两千零五") == 12005
    assert chinese.tidy("Hello, world!") == "Hello, world!"


@pytest.fixture(scope="module")
def stage() -> Speech:
    speech = Speech()
    speech.setup(Store())
    return speech


def voices() -> NDArray[np.float32]:
    """Real speech, three seconds of silence, other real speech."""
    store = Store()
    parts = [
        soundfile.read(store.file("sample-media", f"speech_{n}.wav"), dtype="float32")[0] for n in (1, 2)
    ]
    return np.concatenate([parts[0], np.zeros(3 * RATE, np.float32), parts[1]])


@pytest.mark.weights
def test_real_speech(stage: Speech) -> None:
    samples = voices()
    clip = Clip.from_arrays(audio=(samples, RATE))
    found = SignalSet(stage.run(clip, SignalSet()))
    assert {signal.kind for signal in found} == stage.emits
    segments = found.of("speech.segment")
    text = " ".join(str(signal.value) for signal in segments).lower()
    # Names differ by processor: int8 arithmetic is not the same on all of them.
    assert "turned sharply and faced" in text
    assert "across the table" in text
    assert "always want to see it" in text
    assert len(segments) == 2
    assert found.of("speech.language")[0].value == "en"
    first, second = (signal.span for signal in segments)
    assert first
    assert second
    assert 0.2 < first.start < 0.6
    assert 7.0 <= second.start < 7.5
    for signal in segments:
        words = signal.attributes["words"]
        assert [w[0] for w in words] == sorted(w[0] for w in words)


@pytest.mark.weights
def test_sung_words_are_marked(stage: Speech) -> None:
    clip = Clip.from_arrays(audio=(voices()[: 4 * RATE], RATE))
    heard = SignalSet([Signal("audio.segment", "singing", 0.9, Span(0, 4), "test")])
    segment = next(s for s in stage.run(clip, heard) if s.kind == "speech.segment")
    assert segment.attributes["sung"] is True


@pytest.mark.weights
def test_silence_noise_and_tones_say_nothing(stage: Speech) -> None:
    rng = np.random.default_rng(0)
    time = np.arange(6 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * f * time) for f in (220.0, 277.2, 329.6)) * 0.1
    for samples in (np.zeros(6 * RATE), rng.normal(0, 0.1, 6 * RATE), tones):
        found = stage.run(Clip.from_arrays(audio=(samples.astype(np.float32), RATE)), SignalSet())
        assert not [s for s in found if s.kind == "speech.segment"]


def test_nothing_is_packed_across_the_end_of_a_window() -> None:
    spans = [
        Span(290.0, 298.0),
        Span(298.5, 300.0),
        Span(300.0, 306.0),
        Span(306.2, 310.0),
        Span(640.0, 641.0),
    ]
    regions = _regions(spans, 641.0)
    assert [(round(one.start, 2), round(one.end, 2)) for one in regions] == [
        (289.7, 300.0),
        (300.0, 310.3),
        (639.7, 641.0),
    ]
    # The second window by itself, on its own clock, has the same regions.
    later = [Span(span.start - 300, span.end - 300) for span in spans[2:4]]
    assert _regions(later, 300.0) == [Span(0.0, pytest.approx(10.3))]
    window = _Window(300.0, np.array([0.9] * 100, np.float32))
    assert window.spans() == [Span(300.0, 300.0 + 100 * 512 / 16000)]
