"""What happens when: shots joined, facts of each stretch, words and sounds where they begin."""

from itertools import pairwise

import pytest

import kg
from mmu.reasoning.event_text import describe, shorten
from mmu.reasoning.events import MAX_EVENTS, tell_events
from mmu.reasoning.observe import observe
from mmu.reasoning.settings import load_settings
from mmu.report.schema import Event, Person, TextLine, TranscriptSegment
from mmu.signals import Signal, SignalSet, Span

GRAPH = kg.load()
SETTINGS = load_settings()


def shot(start: float, end: float) -> Signal:
    return Signal("media.shot", None, None, Span(start, end), "shots@1")


def thing(value: str, start: float, end: float, score: float = 0.95) -> Signal:
    attributes = {"vocabulary": "coco"}
    return Signal("image.object", value, score, Span(start, end), "coco@1", attributes=attributes)


def told(signals: list[Signal], duration: float, **parts: list) -> list[Event]:  # type: ignore[type-arg]
    given = SignalSet(signals)
    return tell_events(
        given,
        observe(given, GRAPH, SETTINGS, duration),
        GRAPH,
        SETTINGS,
        transcript=parts.get("transcript", []),
        lines=parts.get("lines", []),
        people=parts.get("people", []),
        duration=duration,
    )


def test_shots_of_the_same_are_one_event_and_others_are_not() -> None:
    shots = [shot(0, 4), shot(4, 8), shot(8, 12)]
    events = told([*shots, thing("cat", 0, 8), thing("pizza", 8, 12)], 12.0)
    assert [(one.start, one.end, one.shots) for one in events] == [(0, 8, 2), (8, 12, 1)]
    assert [fact.concept for fact in events[0].facts] == ["cat"]
    assert "猫" in events[0].text.zh
    assert "pizza" in events[1].text.en.casefold()
    assert set(events[0].signals) == {"image.object:0"}


def test_words_stand_in_the_event_in_which_they_begin() -> None:
    segment = TranscriptSegment(start=5.0, end=9.0, text="你好世界", language="zh", signal="speech.segment:0")
    line = TextLine(start=0.0, end=12.0, text="标题", role="title", signal="text.line:0")
    mark = TextLine(start=0.0, end=12.0, text="@某人", role="watermark", signal="text.line:1")
    signals = [shot(0, 6), shot(6, 12), thing("cat", 0, 6), thing("pizza", 6, 12)]
    first, second = told(signals, 12.0, transcript=[segment], lines=[line, mark])
    assert (first.said, first.on_screen) == ("你好世界", ["标题"])
    assert (second.said, second.on_screen) == ("", [])
    assert {"speech.segment:0", "text.line:0"} <= set(first.signals)
    assert "text.line:1" not in first.signals


def test_people_and_sounds_are_told() -> None:
    person = Person(
        id="p1", seconds=3, spans=[(0, 3)], gender="female", gender_score=0.9, age=30, signals=["f:0"]
    )
    music = Signal("audio.segment", "music", 0.9, Span(0, 6), "vad@1")
    (event,) = told([shot(0, 6), music], 6.0, people=[person])
    assert event.people == ["p1"]
    assert [sound.en for sound in event.sounds] == ["music"]
    assert event.text.zh == "一名女性；听到音乐"
    assert event.text.en == "A woman; heard: music"


def test_sounds_have_their_names_in_both_languages() -> None:
    def sound(value: str, vocabulary: str) -> Signal:
        return Signal("audio.event", value, 0.9, Span(0, 6), "t@1", attributes={"vocabulary": vocabulary})

    (event,) = told([shot(0, 6), sound("impact", "audio_event"), sound("Bark", "audioset")], 6.0)
    assert "撞击声" in event.text.zh
    assert "impact" not in event.text.zh
    assert "impact sound" in event.text.en
    (event,) = told([shot(0, 6), sound("Squish of_jelly", "audioset")], 6.0)
    assert "Squish of jelly" in event.text.en


def test_a_film_of_many_shots_becomes_few_events_that_cover_it() -> None:
    kinds = ["cat", "pizza", "car", "dog", "horse"]
    signals = [shot(k, k + 1) for k in range(400)]
    signals += [thing(kinds[k // 3 % 5], k, k + 1) for k in range(400)]
    events = told(signals, 400.0)
    assert 1 < len(events) <= MAX_EVENTS
    assert sum(one.shots for one in events) == 400
    assert (events[0].start, events[-1].end) == (0, 400)
    assert all(a.end == b.start for a, b in pairwise(events))


def test_sound_alone_is_told_by_its_own_stretches() -> None:
    sounds = [
        Signal("audio.segment", "music", 0.9, Span(0, 10), "vad@1"),
        Signal("audio.segment", "noise", 0.9, Span(10, 20), "vad@1"),
    ]
    events = told(sounds, 20.0)
    assert [one.shots for one in events] == [0] * len(events)
    assert events[0].sounds[0].en == "music"


@pytest.mark.parametrize("duration", [0.0, 5.0])
def test_nothing_to_tell(duration: float) -> None:
    assert told([], duration) == []


def test_two_people_who_look_alike_are_two() -> None:
    pair = [
        Person(id=name, seconds=3, spans=[(0, 3)], gender="male", gender_score=0.9) for name in ("a", "b")
    ]
    text = describe([], pair, "", [], [])
    assert text.zh == "一名男性、另一名男性"
    assert text.en == "A man and another man"


def test_what_is_heard_is_not_said_to_be_seen() -> None:
    piano = Signal("music.tag", "piano", 0.95, Span(0, 8), "m@1", attributes={"vocabulary": "music_tag"})
    (event,) = told([shot(0, 8), piano], 8.0)
    assert any(fact.axis == "audio" for fact in event.facts)
    assert event.text.zh.startswith("听到")
    assert "画面" not in event.text.zh


def test_the_evidence_of_an_age_says_that_it_is_one() -> None:
    old = Signal("face.age", 41.8, 0.9, Span(0, 6), "faces@1", attributes={"spread": 8.0})
    steps = {one.path[0].text for one in observe(SignalSet([old]), GRAPH, SETTINGS, 6.0)}
    assert steps == {"约 41.8 岁 · about 41.8 years"}


def test_only_what_words_name_is_mentioned() -> None:
    said = ("宇航员的一天", "她是一名宇航员", "She is an astronaut")
    lines = [Signal("text.line", text, 0.99, Span(0, 6), "ocr@1") for text in said]
    face = Signal("face.gender", "female", 0.99, Span(0, 6), "faces@1", track="t")
    old = Signal("face.age", 41.8, 0.9, Span(0, 6), "faces@1", track="t", attributes={"spread": 8.0})
    (event,) = told([shot(0, 6), face, old, *lines], 6.0)
    assert "spacesuit" in {fact.concept for fact in event.facts}
    assert "宇航服" not in event.text.zh
    assert "spacesuit" not in event.text.en
    suit = Signal("text.line", "她穿着宇航服", 0.95, Span(0, 6), "ocr@1")
    (event,) = told([shot(0, 6), face, old, *lines, suit], 6.0)
    assert "提到宇航服" in event.text.zh
    assert "mentioned: spacesuit" in event.text.en.casefold()


def test_long_quotations_are_cut_by_their_width() -> None:
    assert shorten("a" * 64) == "a" * 64
    assert shorten("a" * 65) == "a" * 64 + "…"
    assert shorten("字" * 40) == "字" * 32 + "…"
