"""Odd inputs: does a file end as its truth says, and are its facts right?"""

from __future__ import annotations

from typing import Any

from mmu.errors import MediaError
from mmu.media.clip import Clip

#: Seconds, and share of the true value, by which a duration or start may differ.
SECONDS, SHARE = 0.1, 0.02


def outcome(result: Clip | MediaError) -> str:
    """`ok`, `partial` or `error`, in the words of the truth file."""
    if isinstance(result, MediaError):
        return "error"
    return "partial" if result.errors else "ok"


def compare(entry: dict[str, Any], result: Clip | MediaError) -> list[str]:
    """What of an `odd` entry of the truth does not agree with what was found; empty when all does."""
    found = outcome(result)
    accepted = entry.get("accept") or [entry["expect"]]
    wrong = []
    if found not in accepted:
        why = str(result) if isinstance(result, MediaError) else "; ".join(e.message for e in result.errors)
        wrong.append(f"outcome {found}, expected {' or '.join(accepted)} ({why})")
    if isinstance(result, MediaError):
        return wrong + _compare_reason(entry, str(result))
    return wrong if found not in accepted else _compare_facts(entry, result)


def _compare_reason(entry: dict[str, Any], message: str) -> list[str]:
    words = entry.get("reason_contains_any")
    if words and not any(word.lower() in message.lower() for word in words):
        return [f"message {message!r} has none of {words}"]
    return []


def _compare_facts(entry: dict[str, Any], clip: Clip) -> list[str]:
    video = clip.facts.video
    wrong = []
    found: dict[str, Any] = {
        "still": clip.still,
        "has_video": clip.has_video,
        "has_audio": clip.has_audio,
        "display_width": video and video.width,
        "display_height": video and video.height,
        "rotation": video and video.rotation,
        "sar": video and video.sample_aspect_ratio,
    }
    for key, value in found.items():
        if key in entry and entry[key] != value:
            wrong.append(f"{key} {value}, expected {entry[key]}")
    for key, seconds in (("duration_s", clip.duration), ("start_s", clip.facts.start)):
        if key in entry and abs(seconds - entry[key]) > max(SECONDS, SHARE * abs(entry[key])):
            wrong.append(f"{key} {seconds:.3f}, expected {entry[key]}")
    return wrong
