"""One quality score with its parts, from the measures of picture and sound."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mmu.report.schema import Name, Quality, QualityPart
from mmu.signals import Signal

#: how much each part matters to a viewer; parts that were not measured drop out
WEIGHTS = {
    "sharpness": 3.0,
    "noise": 1.5,
    "blockiness": 1.5,
    "exposure": 2.0,
    "contrast": 1.5,
    "colour": 1.0,
    "gradation": 1.0,
    "aesthetics": 1.0,
    "resolution": 2.0,
    "stability": 1.5,
    "continuity": 1.5,
    "picture_area": 0.5,
    "naturalness": 1.0,
    "clipping": 1.0,
    "speech_clarity": 1.5,
    "speech_mos": 0.5,
    "loudness": 1.0,
}

LABELS = {
    "sharpness": Name(zh="清晰度", en="sharpness"),
    "noise": Name(zh="无噪点", en="freedom from noise"),
    "blockiness": Name(zh="无块效应", en="freedom from blocking"),
    "exposure": Name(zh="曝光", en="exposure"),
    "contrast": Name(zh="对比度", en="contrast"),
    "colour": Name(zh="色彩", en="colour"),
    "gradation": Name(zh="层次", en="gradation"),
    "aesthetics": Name(zh="美感", en="aesthetics"),
    "resolution": Name(zh="分辨率", en="resolution"),
    "stability": Name(zh="稳定性", en="stability"),
    "continuity": Name(zh="无冻结黑场", en="no freeze or black"),
    "picture_area": Name(zh="无黑边", en="no bars"),
    "naturalness": Name(zh="自然度", en="naturalness"),
    "clipping": Name(zh="无削波", en="freedom from clipping"),
    "speech_clarity": Name(zh="语音清晰度", en="clarity of speech"),
    "speech_mos": Name(zh="语音听感", en="speech as listeners would rate it"),
    "loudness": Name(zh="响度适中", en="suitable loudness"),
}

#: share of the overall score that the worst part decides: one bad flaw spoils a video
WORST_SHARE = 0.35


def judge_quality(signals: Iterable[Signal]) -> Quality | None:
    """Overall quality on 0–100 and its parts; None when nothing was measured.

    The overall score is the weighted mean of the parts, pulled towards the
    worst of the parts that weigh at least 1.5.
    """
    measured: dict[str, list[Signal]] = defaultdict(list)
    for signal in signals:
        if signal.kind in ("image.quality", "audio.quality") and signal.score is not None:
            measured[str(signal.value)].append(signal)
    if not measured:
        return None
    scores = {name: _mean([one.score or 0.0 for one in found]) for name, found in measured.items()}
    weights = {name: WEIGHTS.get(name, 1.0) for name in scores}
    mean = sum(scores[name] * weights[name] for name in scores) / sum(weights.values())
    worst = min((score for name, score in scores.items() if weights[name] >= 1.5), default=mean)
    overall = (1 - WORST_SHARE) * mean + WORST_SHARE * min(mean, worst)
    parts = [
        QualityPart(name=name, score=round(100 * score, 1), raw=_raw(measured[name]), label=LABELS.get(name))
        for name, score in scores.items()
    ]
    return Quality(overall=round(100 * overall, 1), parts=parts)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _raw(signals: list[Signal]) -> float | None:
    raw = [one.attributes["raw"] for one in signals if isinstance(one.attributes.get("raw"), int | float)]
    return round(_mean(raw), 4) if raw else None
