"""Speakers and transcript, gathered from signals."""

from __future__ import annotations

from typing import Any

from mmu.reasoning.speakers import gather_speakers, write_transcript
from mmu.signals import Signal, SignalSet, Span


def voice(label: str, *turns: tuple[float, float], **attributes: Any) -> Signal:
    seconds = sum(end - start for start, end in turns)
    known = {"turns": [list(turn) for turn in turns], "seconds": seconds, "gender": "female"}
    return Signal(
        "speech.speaker",
        label,
        0.9,
        Span(turns[0][0], turns[-1][1]),
        "test",
        attributes={**known, "gender_score": 0.9, **attributes},
    )


def tone(start: float, end: float, scores: dict[str, float], arousal: float, speaker: str) -> Signal:
    label = max(scores, key=lambda name: scores[name])
    attributes = {"scores": scores, "arousal": arousal, "speaker": speaker}
    return Signal("speech.emotion", label, scores[label], Span(start, end), "test", attributes=attributes)


def segment(start: float, end: float, words: list[tuple[float, float, str]]) -> Signal:
    text = " ".join(word for _, _, word in words)
    attributes = {"language": "en", "words": words}
    return Signal("speech.segment", text, 0.9, Span(start, end), "test", attributes=attributes)


def test_words_are_given_to_the_voices_that_say_them() -> None:
    words = [(0.0, 0.5, "hello"), (0.6, 1.0, "there"), (2.2, 2.6, "hi"), (9.0, 9.2, "echo")]
    signals = SignalSet([voice("speaker_1", (0, 1.5)), voice("speaker_2", (2, 3)), segment(0, 2.6, words)])
    (found,) = write_transcript(signals)
    assert found.speaker == "speaker_1"
    assert found.word_speakers == ["speaker_1", "speaker_1", "speaker_2", None]


def test_a_segment_of_one_voice_needs_no_list() -> None:
    signals = SignalSet([voice("speaker_1", (0, 3)), segment(0, 1, [(0, 1, "yes")])])
    (found,) = write_transcript(signals)
    assert (found.speaker, found.word_speakers) == ("speaker_1", [])


def test_without_voices_and_tones_nothing_is_claimed() -> None:
    (found,) = write_transcript(SignalSet([segment(0, 1, [(0, 1, "yes")])]))
    assert (found.speaker, found.emotion, found.arousal) == (None, None, None)


def test_tone_is_weighed_by_time() -> None:
    calm, angry = {"neutral": 0.9, "angry": 0.1}, {"neutral": 0.2, "angry": 0.8}
    signals = SignalSet(
        [
            voice("speaker_1", (0, 10), name="Ann", match=0.8),
            tone(0, 2, calm, 0.2, "speaker_1"),
            tone(2, 10, angry, 0.8, "speaker_1"),
            segment(0, 2, [(0, 2, "well")]),
            segment(2, 10, [(2, 10, "no")]),
        ]
    )
    assert [one.emotion for one in write_transcript(signals)] == ["neutral", "angry"]
    assert [one.arousal for one in write_transcript(signals)] == [0.2, 0.8]
    (speaker,) = gather_speakers(signals)
    assert (speaker.emotion, speaker.name, speaker.name_score) == ("angry", "Ann", 0.8)
    assert speaker.embedding is None
