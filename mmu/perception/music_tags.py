"""From the tags of two datasets to one vocabulary, `music_tag`."""

from __future__ import annotations

from collections.abc import Mapping

#: label -> the tags of MagnaTagATune and of the Million Song Dataset that say the same
SYNONYMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "classical": (("classical", "classic"), ()),
    "opera": (("opera",), ()),
    "choral": (("choir", "choral"), ()),
    "electronic": (("electronic",), ("electronic", "electronica", "electro")),
    "techno": (("techno",), ()),
    "house": ((), ("house",)),
    "dance": (("dance",), ("dance",)),
    "ambient": (("ambient",), ("ambient",)),
    "new age": (("new age",), ()),
    "chillout": ((), ("chillout", "chill")),
    "pop": (("pop",), ("pop",)),
    "indie pop": ((), ("indie pop",)),
    "rock": (("rock",), ("rock",)),
    "alternative rock": ((), ("alternative", "alternative rock")),
    "indie rock": ((), ("indie", "indie rock")),
    "classic rock": ((), ("classic rock",)),
    "hard rock": ((), ("hard rock",)),
    "progressive rock": ((), ("progressive rock",)),
    "punk": ((), ("punk",)),
    "metal": (("metal",), ("metal", "heavy metal")),
    "country": (("country",), ("country",)),
    "folk": ((), ("folk",)),
    "acoustic": ((), ("acoustic",)),
    "blues": ((), ("blues",)),
    "jazz": ((), ("jazz",)),
    "soul": ((), ("soul",)),
    "rnb": ((), ("rnb",)),
    "funk": ((), ("funk",)),
    "hip hop": ((), ("hip hop",)),
    "easy listening": ((), ("easy listening",)),
    "experimental": ((), ("experimental",)),
    "indian": (("indian",), ()),
    "oldies": ((), ("oldies",)),
    "guitar": (("guitar",), ("guitar",)),
    "piano": (("piano",), ()),
    "strings": (("strings",), ()),
    "violin": (("violin",), ()),
    "cello": (("cello",), ()),
    "harp": (("harp",), ()),
    "harpsichord": (("harpsichord",), ()),
    "flute": (("flute",), ()),
    "sitar": (("sitar",), ()),
    "drums": (("drums", "beat", "beats"), ()),
    "synth": (("synth",), ()),
    "vocals": (("vocal", "vocals", "singing", "voice"), ()),
    "female vocals": (
        ("female", "woman", "female vocal", "female voice"),
        ("female vocalists", "female vocalist"),
    ),
    "male vocals": (("male", "man", "male vocal", "male voice"), ("male vocalists",)),
    "instrumental": (("no vocals", "no vocal", "no voice"), ("instrumental",)),
    "slow": (("slow",), ()),
    "fast": (("fast",), ()),
    "loud": (("loud",), ()),
    "quiet": (("quiet",), ()),
    "mellow": (("soft",), ("mellow",)),
    "sad": ((), ("sad",)),
    "happy": ((), ("happy",)),
    "party": ((), ("party",)),
}
#: tags that only make sense where somebody sings
_VOICES = ("vocals", "female vocals", "male vocals")


def merge(
    mtt: Mapping[str, float], msd: Mapping[str, float], *, sung: float, least: float = 0.2, most: int = 10
) -> list[tuple[str, float]]:
    """Labels with their scores, highest first.

    A tag is a listener's choice of words: of five who hear a voice, one writes `vocal` and another
    `singing`. So synonyms of one dataset add up (noisy-or), and the two datasets, which hear the same
    sound, give the larger one.

    Args:
        mtt: probability of each MagnaTagATune tag.
        msd: probability of each Million Song Dataset tag.
        sung: share of the music over which singing was heard, which decides about voices.
        least: labels below are left out.
        most: at most as many labels.
    """
    scores: dict[str, float] = {}
    for label, (first, second) in SYNONYMS.items():
        scores[label] = max(_any(mtt, first), _any(msd, second))
    if sung >= 0.1:
        scores["vocals"] = max(scores["vocals"], 0.9)
        scores["instrumental"] = 0.0
    else:
        for label in _VOICES:
            scores[label] = 0.0
        scores["instrumental"] = max(scores["instrumental"], 0.8)
    kept = [(label, min(score, 0.95)) for label, score in scores.items() if score >= least]
    return sorted(kept, key=lambda pair: -pair[1])[:most]


def _any(tags: Mapping[str, float], names: tuple[str, ...]) -> float:
    none = 1.0
    for name in names:
        none *= 1.0 - tags[name]
    return 1.0 - none
