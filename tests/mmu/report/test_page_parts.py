"""What the page is made of, without a browser: subtitles, lanes, covers, playback, pictures, escaping."""

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import yaml

import kg
from mmu.errors import ConfigError, MediaError
from mmu.media import open_clip
from mmu.perception.catalog import CPU_STAGES
from mmu.report.html import json_block, page_strings, render_html
from mmu.report.lanes import build_lanes
from mmu.report.names import Names
from mmu.report.pictures import Pictures, take_pictures
from mmu.report.playback import plan_playback, sniff
from mmu.report.schema import ModerationHit
from mmu.report.schema_heard import TranscriptSegment
from mmu.report.srt import to_srt
from mmu.report.view import covers, page_data


def test_srt_is_ordered_numbered_and_keeps_a_cue_in_one_piece() -> None:
    segments = [
        TranscriptSegment(start=3661.5, end=3662.0, text="a --> b\n\nc", language="en", signal="2"),
        TranscriptSegment(start=0.0, end=1.9996, text="你好", language="zh", signal="1"),
        TranscriptSegment(start=5, end=6, text="  ", language="zh", signal="3"),
    ]
    assert to_srt(segments) == (
        "1\n00:00:00,000 --> 00:00:02,000\n你好\n\n2\n01:01:01,500 --> 01:01:02,000\na → b c\n"
    )


def test_lanes_are_ordered_and_overlapping_text_is_stacked(sample: ModuleType) -> None:
    lanes = {lane["id"]: lane for lane in build_lanes(sample.rich_report(), Names())}
    assert list(lanes) == ["shots", "faces", "objects", "text", "speech", "sound", "music"]
    assert len(lanes["shots"]["rows"][0]["blocks"]) == 4
    assert len(lanes["faces"]["rows"][0]["blocks"][0]["boxes"]) == 12
    for row in lanes["text"]["rows"]:
        for one, two in zip(row["blocks"], row["blocks"][1:], strict=False):
            assert one["end"] <= two["start"]
    assert len(lanes["text"]["rows"]) == 3


def test_every_label_of_the_object_detector_has_a_name_in_both_languages() -> None:
    labels = yaml.safe_load((files("kg") / "ontology/labels/coco.yaml").read_text(encoding="utf-8"))
    assert len(labels) == 80
    names = Names()
    found = {label: names.label("coco", label) for label in labels}
    assert {
        label for label, name in found.items() if not (name and re.search("[一-鿿]", name["zh"]))
    } == set()
    assert found["handbag"] == {"zh": "手提包", "en": "handbag"}
    assert names.label("imagenet1k", "bottlecap") is None  # no household item by name


def test_the_page_and_the_graph_name_emotions_alike() -> None:
    words = json.loads((files("mmu.report") / "templates/strings.json").read_text(encoding="utf-8"))[
        "emotion"
    ]
    graph = kg.load()
    shown = {concept: words[concept][0] for concept in words if concept in graph.concepts}
    assert {"joy", "neutral", "calm", "sadness"} <= shown.keys()
    assert shown == {concept: graph.concepts[concept].zh for concept in shown}
    for expression in ("happy", "sad", "angry", "fear", "surprise", "disgust", "neutral"):
        concept, _ = graph.label("expression", expression)[0]
        assert words[expression][0] == graph.concepts[concept].zh


def test_malformed_signals_are_left_out(sample: ModuleType) -> None:
    lanes = {lane["id"]: lane for lane in build_lanes(sample.hostile_report(), Names())}
    (odd,) = [
        block for row in lanes["objects"]["rows"] for block in row["blocks"] if block["signal"] == "odd:1"
    ]
    assert odd["box"] is None


def test_embeddings_and_frame_hashes_stay_out_of_the_page(sample: ModuleType) -> None:
    report = sample.rich_report()
    assert report.people[0].embedding
    assert report.speakers[0].embedding
    data = page_data(report)
    assert "embedding" not in json.dumps(data)
    assert data["originality"] == {"algorithm": "dhash64", "frames": 24}


def test_the_page_says_what_made_which_signals(sample: ModuleType) -> None:
    report = sample.rich_report()
    report.signals += [
        {"id": "a", "kind": "image.answer", "value": "Dog", "source": "ast:audioset@1"},
        {"id": "b", "kind": "image.answer", "value": "Dog", "source": "sound-calls"},
        {"id": "c", "kind": "image.answer", "value": "Cat", "source": "ast:audioset@1"},
        {"id": "d", "kind": None, "source": 7},
    ]
    sources = page_data(report)["sources"]
    assert list(sources) == sorted(sources)
    assert sources["image.answer"] == ["ast:audioset@1", "sound-calls"]


def test_covers_merge_and_cover_everything_without_a_span(sample: ModuleType) -> None:
    report = sample.rich_report()
    assert covers(report) == []
    report.signals += [
        {"id": f"x{k}", "kind": "image.explicit", "score": score, "span": span, "source": "s"}
        for k, (score, span) in enumerate([(0.9, [4, 5]), (0.8, [5.5, 7]), (0.2, [20, 21])])
    ]
    assert covers(report) == [[3.5, 7.5]]
    hit = {"rule": "gore", "category": "gore", "name": {"zh": "血腥", "en": "Gore"}, "severity": 4, "score": 0.7, "axis": "image"}  # fmt: skip
    report.moderation.hits.append(ModerationHit.model_validate(hit | {"span": (10, 11)}))
    assert covers(report) == [[3.5, 7.5], [9.5, 11.5]]
    report.moderation.hits.append(ModerationHit.model_validate(hit))
    assert covers(report) == [[0.0, 1e9]]


def test_file_type_comes_from_the_bytes_and_the_codec(
    sample: ModuleType, video: Path, tmp_path: Path
) -> None:
    media = sample.rich_report().media
    assert plan_playback(media, None).kind == "none"
    plan = plan_playback(media, video)
    assert (plan.kind, plan.mime, plan.payload) == ("video", "video/mp4", video.read_bytes())
    assert plan_playback(media.model_copy(update={"video": None}), video).mime == "audio/mp4"
    for change in ({"codec": "hevc"}, {"pixel_format": "yuv420p10le"}):
        other = media.model_copy(update={"video": media.video.model_copy(update=change)})
        assert plan_playback(other, video).kind == "none"
    page = tmp_path / "evil.mp4"
    page.write_text("<html><script>1</script>")
    assert plan_playback(media, page).kind == "none"
    assert sniff(sample.write_picture(tmp_path / "c.jpg").read_bytes()[:64]) == "image/jpeg"
    assert sniff(sample.write_sound(tmp_path / "a.wav").read_bytes()[:64]) == "audio/wav"
    with pytest.raises(MediaError, match=r"absent\.mp4"):
        plan_playback(media, tmp_path / "absent.mp4")


def test_large_file_is_referenced_relative_to_the_page(
    sample: ModuleType, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmu.report.playback.EMBED_BYTES", 1000)
    media = sample.rich_report().media
    plan = plan_playback(media, video, base=video.parent / "pages")
    assert (plan.payload, plan.url) == (None, "./../launch%20coffee.mp4")
    assert plan_playback(media, video).url == video.resolve().as_uri()


def test_pictures_show_the_frames_and_the_face(sample: ModuleType, video: Path) -> None:
    with open_clip(video, audio_rates=frozenset()) as clip:
        pictures = take_pictures(clip, sample.rich_report(video))
    assert pictures.poster is not None
    assert len(pictures.strip) == 14
    assert [time for time, _ in pictures.strip] == sorted(time for time, _ in pictures.strip)
    face = cv2.imdecode(np.frombuffer(pictures.faces["p1"], np.uint8), cv2.IMREAD_COLOR)
    assert face.shape == (144, 144, 3)
    blue, _, red = face[40:110, 40:110].reshape(-1, 3).mean(0)
    assert red > blue + 20, "the crop must show skin"


def test_json_block_cannot_end_its_element() -> None:
    text = json_block({"a": "</script><!--&\u2028\u2029"})
    assert not re.search(r"[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"a": "</script><!--&\u2028\u2029"}


def test_format_that_browsers_do_not_play_is_shown_as_a_poster(sample: ModuleType, video: Path) -> None:
    report = sample.rich_report(video)
    report.media.video.codec = "hevc"
    page = render_html(report, video=video)
    player = json.loads(page.split('id="data-player">')[1].split("</script>")[0])
    assert player["kind"] == "none"
    assert player["poster"].startswith("data:image/jpeg;base64,")
    assert 'id="data-media"></script>' in page


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def test_hostile_text_adds_no_element(sample: ModuleType) -> None:
    def elements(text: str) -> list[str]:
        parser = Elements()
        parser.feed(text)
        return parser.tags

    plain = render_html(sample.rich_report())
    hostile = render_html(sample.hostile_report())
    assert elements(plain) == elements(hostile)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", plain)


def test_policy_holds_hashes_and_nothing_loose(sample: ModuleType) -> None:
    page = render_html(sample.rich_report(), pictures=Pictures())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#x27;", "'").split(";"))
    assert rules["default-src"] == "'none'"
    for name in ("script-src", "style-src"):
        assert re.fullmatch(r"'sha256-[\w+/=]+'", rules[name])
    assert "file:" not in policy[1]


def test_unknown_language_is_refused(sample: ModuleType) -> None:
    with pytest.raises(ConfigError, match="'fr'"):
        render_html(sample.empty_report(), language="fr")


def test_every_stage_has_a_name_in_both_languages() -> None:
    names = page_strings()["stage"]
    missing = {*CPU_STAGES, "songs"} - {key for key, (zh, en) in names.items() if zh and en}
    assert not missing
