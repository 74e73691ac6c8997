"""Names of the perception stages; light, so that a command line can list them."""

from __future__ import annotations

from collections.abc import Iterable

#: stage name -> class, imported only when the stage is used
CPU_STAGES: dict[str, str] = {
    "shots": "mmu.perception.shots:Shots",
    "faces": "mmu.perception.faces:Faces",
    "labels": "mmu.perception.labels:Labels",
    "objects": "mmu.perception.objects:Objects",
    "scene": "mmu.perception.scene:Scene",
    "style": "mmu.perception.style:Style",
    "explicit": "mmu.perception.explicit:Explicit",
    "codes": "mmu.perception.codes:Codes",
    "provenance": "mmu.perception.provenance:Provenance",
    "picture_quality": "mmu.perception.picture_quality:PictureQuality",
    "hashes": "mmu.perception.hashes:Hashes",
    "gestures": "mmu.perception.gestures:Gestures",
    "pose": "mmu.perception.pose:PoseStage",
    "text": "mmu.perception.text:TextStage",
    "sound": "mmu.perception.sound:Sound",
    "speech": "mmu.perception.speech:Speech",
    "speakers": "mmu.perception.speakers:Speakers",
    "talking": "mmu.perception.talking:Talking",
    "vocal_emotion": "mmu.perception.vocal_emotion:VocalEmotion",
    "music": "mmu.perception.music:MusicFacts",
    "actions": "mmu.perception.actions:Actions",
}

#: axis of signals -> its stages, where the axis has another name than its only stage
AXIS_STAGES: dict[str, tuple[str, ...]] = {
    "media": ("shots", "provenance"),
    "face": ("faces",),
    "person": ("gestures", "pose", "actions"),
    "image": (
        "labels",
        "objects",
        "scene",
        "style",
        "explicit",
        "codes",
        "picture_quality",
        "hashes",
    ),
    "audio": ("sound", "music"),
}


def unknown_stages(unknown: Iterable[str], known: Iterable[str]) -> str:
    """What to say of names that are no stages: which stages there are, and those of an axis so named."""
    said = [
        f"{name} (an axis; its stages: {', '.join(AXIS_STAGES[name])})" if name in AXIS_STAGES else name
        for name in sorted(unknown)
    ]
    return f"unknown stage {', '.join(said)}; stages: {', '.join(known)}"
