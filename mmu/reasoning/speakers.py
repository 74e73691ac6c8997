"""The voices of a video and what they say, gathered from the signals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mmu.reasoning.people import listed
from mmu.report.schema_heard import Speaker, TranscriptSegment
from mmu.signals import Signal, SignalSet, Span

#: a word belongs to no voice that is farther away than this, seconds
_REACH = 0.5


def gather_speakers(signals: SignalSet, *, embeddings: bool = False) -> list[Speaker]:
    """One entry per voice, the one heard longest first.

    Args:
        signals: of one video.
        embeddings: include the voice embedding (biometric data; off by default).
    """
    tones = signals.of("speech.emotion")
    faces = {str(one.value): one for one in signals.of("speech.face")}
    speakers = [
        Speaker(
            id=str(one.value),
            name=one.attributes.get("name"),
            name_score=one.attributes.get("match"),
            person=faces[str(one.value)].attributes["person"] if str(one.value) in faces else None,
            person_score=faces[str(one.value)].score if str(one.value) in faces else None,
            seconds=float(one.attributes["seconds"]),
            turns=[(start, end) for start, end in one.attributes["turns"]],
            gender=one.attributes["gender"],
            gender_score=one.attributes["gender_score"],
            age_group=one.attributes.get("age_group"),
            age_group_score=one.attributes.get("age_group_score"),
            emotion=_tone([tone for tone in tones if tone.attributes.get("speaker") == one.value])[0],
            signal=one.id,
            embedding=listed(one) if embeddings else None,
        )
        for one in signals.of("speech.speaker")
    ]
    return sorted(speakers, key=lambda speaker: (-speaker.seconds, speaker.id))


def write_transcript(signals: SignalSet) -> list[TranscriptSegment]:
    """What is said, segment by segment, with the voice and its tone where these were heard."""
    voices = signals.of("speech.speaker")
    tones = signals.of("speech.emotion")
    out: list[TranscriptSegment] = []
    for one in signals.of("speech.segment"):
        if one.span is None:
            continue
        words = one.attributes.get("words", [])
        said = [_voice(Span(start, end), voices) for start, end, _ in words]
        speaker = _voice(one.span, voices)
        emotion, arousal = _tone(tones, one.span)
        out.append(
            TranscriptSegment(
                start=round(one.span.start, 3),
                end=round(one.span.end, 3),
                text=str(one.value),
                language=str(one.attributes.get("language", "")),
                score=one.score,
                words=words,
                speaker=speaker,
                word_speakers=said if len({*said, speaker}) > 1 else [],
                emotion=emotion,
                arousal=arousal,
                signal=one.id,
            )
        )
    return out


def _voice(span: Span, voices: Sequence[Signal]) -> str | None:
    """The voice heard most within a span; in a gap the nearest one."""
    best: tuple[float, str] | None = None
    for voice in voices:
        turns = [Span(start, end) for start, end in voice.attributes["turns"]]
        shared = sum(span.overlap(turn) for turn in turns)
        if not shared:
            shared = -min(
                (max(turn.start - span.end, span.start - turn.end) for turn in turns), default=_REACH
            )
        if shared > -_REACH and (best is None or shared > best[0]):
            best = (shared, str(voice.value))
    return None if best is None else best[1]


def _tone(tones: Sequence[Signal], within: Span | None = None) -> tuple[str | None, float | None]:
    """The tone of voice heard most, and the mean arousal, weighed by time."""
    votes: dict[str, float] = defaultdict(float)
    arousal = seconds = 0.0
    for tone in tones:
        if tone.span is None:
            continue
        shared = tone.span.seconds if within is None else tone.span.overlap(within)
        if shared <= 0:
            continue
        for label, score in tone.attributes["scores"].items():
            votes[label] += shared * score
        arousal += shared * tone.attributes["arousal"]
        seconds += shared
    if not votes:
        return None, None
    return max(votes, key=lambda label: votes[label]), round(arousal / seconds, 3)
