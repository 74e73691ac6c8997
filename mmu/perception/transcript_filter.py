"""Which segments of a transcript were really said.

Whisper invents text on silence, noise and music: credits of the subtitles it
learned from, thanks to the viewers, one phrase over and over. A phrase is
dropped only when the sound does not support it, since people do say such
things.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from mmu.perception import chinese

Verdict = Literal["keep", "empty", "no_speech", "unlikely", "phantom", "loop"]

#: phrases that Whisper invents, as regular expressions over `chinese.comparable` text
_PHANTOMS = re.compile(
    "|".join(
        (
            # zh: credits, calls to subscribe and to like
            "字幕(由|提供|制作|志愿|组|by)", "(提供|制作|校对|翻译)字幕", "中文字幕", "amara",
            "明镜(与|需要您)", "点赞.{0,3}订阅", "订阅.{0,3}(转发|点赞|打赏|我的频道)", "请不吝", "打赏支持",
            "谢谢(大家)?(的)?(观看|收看|收听|观赏)", "感谢(您的|大家)?(的)?(观看|收看|收听)", "优优独播剧场",
            "yoyotelevision", "词曲(李宗盛)?$", "^作[词曲]", "^编曲",
            "下集再见", "下期再见", "我们下次再见",
            # en
            "thank(s|you)(somuch|verymuch)?forwatching", "thank(s|you)forlistening",
            "(please|dontforgetto)?(like(and)?)?subscribe(to)?(my|the|our)?channel", "likeandsubscribe",
            "subtitlesby",
            "(transcription|transcribed|captions?|captioned)by", "seeyou(in)?(the)?next(video|time)",
            "^thankyou(verymuch)?$", "^bye(bye)*$", "^you$", "allrightsreserved", "wwwmooji",
            # other languages of the same training captions
            "untertitel",
            "soustitres(réalisés|par|fait)", "субтитры", "редакторсубтитров", "продолжениеследует",
            "subtítulos",
            "legendaspela", "sottotitoli", "ご視聴ありがとう", "チャンネル登録", "시청해주셔서감사",
            "gracias(por)ver", "merci(davoir)?regardé",
        )
    )
)  # fmt: skip
_LOOP = re.compile(r"(.{1,40}?)\1{4,}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Support:
    """What the sound says about one segment.

    `voiced` is the mean probability of speech by the voice activity network,
    `music` the share of the segment over which music was heard.
    """

    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    seconds: float
    voiced: float
    music: float = 0.0
    sung: bool = False

    @property
    def confidence(self) -> float:
        """Mean token probability, weighed by voice activity: 0 (invented) to 1 (clear)."""
        return max(0.0, min(1.0, math.exp(self.avg_logprob) * (0.4 + 0.6 * self.voiced)))


def judge(text: str, support: Support) -> Verdict:
    """Why a segment should be dropped, or `keep`."""
    plain = chinese.comparable(text)
    if not plain:
        return "empty"
    if support.no_speech_prob > 0.6 and support.avg_logprob < -0.8:
        return "no_speech"
    if support.avg_logprob < -1.6 or support.confidence < 0.18:
        return "unlikely"
    if _PHANTOMS.search(plain) and _weak(support):
        return "phantom"
    if _looped(plain, support):
        return "loop"
    return "keep"


def _weak(support: Support) -> bool:
    return (
        support.voiced < 0.6
        or support.no_speech_prob > 0.3
        or support.avg_logprob < -0.55
        or (support.music > 0.5 and support.voiced < 0.8)
    )


def _looped(plain: str, support: Support) -> bool:
    """One phrase again and again, and not a chorus: too fast to be said, or hardly heard."""
    match = _LOOP.search(plain)
    if match is None or len(match.group()) < 0.6 * len(plain):
        return False
    too_fast = len(plain) / max(support.seconds, 0.1) > (12.0 if chinese.has_han(plain) else 28.0)
    return too_fast or (not support.sung and support.compression_ratio > 2.4 and support.voiced < 0.8)
