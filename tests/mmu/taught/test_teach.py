"""From examples on the command line to tags in a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kg
from mmu.analyzer import Analyzer
from mmu.cli import main
from mmu.errors import ConfigError, StoreError
from mmu.reasoning.fuse import fuse
from mmu.reasoning.observe import observe
from mmu.reasoning.select import to_tags
from mmu.reasoning.settings import load_settings
from mmu.signals import Signal, SignalSet, Span
from mmu.taught.examples import read_examples
from mmu.taught.recognise import Taught, with_taught
from mmu.taught.spaces import Example
from mmu.taught.store import TaughtConcept, TaughtStore
from mmu.taught.teach import teach
from models.store import Store
from tests.mmu.reasoning.graphs import small_graph

GRAPH = small_graph()
FACE = np.eye(3, 128, dtype=np.float32)


def faces(*rows: int) -> list[tuple[str, Example]]:
    found = []
    for number, row in enumerate(rows):
        example = Example()
        example.put("face", [FACE[row] + 0.02], [Span(0, 1)])
        found.append((f"clip{number}.mp4", example))
    return found


def taught(name: str = "老王", **options: object) -> TaughtConcept:
    return teach(name, faces(0, 0, 0), faces(1, 2), graph=GRAPH, **options)  # type: ignore[arg-type]


def video(row: int) -> SignalSet:
    person = Signal("face.person", "p1", 0.9, Span(1, 3), "sface@1", embedding=FACE[row].astype(np.float16))
    return SignalSet([person])


def test_a_taught_face_becomes_a_tag_with_its_evidence() -> None:
    concept = taught(facet="person", is_a=["person"])
    graph = with_taught(GRAPH, [concept])
    known = Taught.of([concept], None)
    signals = known.add_to(video(0))
    beliefs = fuse(observe(signals, graph, load_settings(), 5.0), graph, load_settings())
    tags = {tag.id: tag for tag in to_tags(beliefs, graph, load_settings())}
    tag = tags["taught:老王"]
    assert tag.score > 0.5
    assert tag.evidence[0].source == "taught:老王"
    assert tag.evidence[0].axis == "face"
    assert tag.evidence[0].span == (1, 3)
    assert sum(one.weight for one in tag.evidence) == pytest.approx(tag.score, abs=1e-6)
    # what it is a kind of is believed too
    assert any(one.source == "taught:老王" for one in tags["person"].evidence)
    assert known.add_to(video(1)).of("taught.match") == []


def test_the_name_links_in_text_and_the_shipped_graph_is_untouched() -> None:
    graph = with_taught(GRAPH, [taught()])
    assert [one.concept for one in graph.link("今天老王来了")] == ["taught:老王"]
    assert "taught:老王" not in GRAPH


def test_a_name_that_the_graph_knows_adds_evidence_to_that_concept() -> None:
    concept = taught("猫咪")
    assert (concept.concept, concept.new) == ("cat", False)
    assert with_taught(GRAPH, [concept]) is GRAPH


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": " "}, "1 to 40"),
        ({"name": "x" * 41}, "1 to 40"),
        ({"name": "a\0b"}, "printable"),
        ({"facet": "thing"}, "unknown facet 'thing'"),
        ({"is_a": ["nothing at all"]}, "no such concept"),
    ],
)
def test_bad_wishes_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        taught(**options)  # type: ignore[arg-type]


def test_concepts_are_kept_listed_and_removed(tmp_path: Path) -> None:
    store = TaughtStore(tmp_path / "taught")
    assert (store.all(), store.digest) == ([], "")
    store.save(taught())
    (again,) = store.all()
    assert again.name == "老王"
    assert np.allclose(again.prototypes["face"].vector, taught().prototypes["face"].vector, atol=1e-3)
    first = store.digest
    store.save(taught("老李"))
    assert store.digest != first
    store.remove("老王")
    assert [one.name for one in store.all()] == ["老李"]
    with pytest.raises(StoreError, match="known: 老李"):
        store.remove("老王")
    (tmp_path / "taught" / "x.json").write_text("{}")
    with pytest.raises(StoreError, match=r"x\.json is not a taught concept"):
        store.all()


def test_examples_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    def never(path: Path) -> object:
        raise AssertionError(path)

    (tmp_path / "r.json").write_text("{}")
    (tmp_path / "e.txt").write_text("\n \n")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    for item, said in (
        (str(tmp_path / "none.mp4"), "no such file"),
        ("none.mp4", "no such file"),
        (str(tmp_path / "r.json"), "is not an mmu.report/1 report"),
        (str(tmp_path / "e.txt"), "holds no text"),
        (str(tmp_path / "b.txt"), "not a text"),
        ("text: ", "empty"),
    ):
        with pytest.raises(ConfigError, match=said):
            read_examples([item], analyse=never, embedder=None)  # type: ignore[arg-type]


def test_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--taught", str(tmp_path)]
    for arguments, said in (
        (["teach", "猫"], "no --examples"),
        (["teach", "猫", "a.mp4"], "follow --examples"),
        (["teach", "list", "--examples", "a"], "takes no --examples"),
        (["teach", "remove"], "name what to remove"),
        (["teach", "remove", "猫"], "nothing was taught as '猫'"),
        (["teach", "test", "text:猫"], "nothing was taught yet"),
    ):
        assert main([*arguments, *place]) == 2
        assert said in capsys.readouterr().err


TEXTS = [
    "text:煎饼果子加两个鸡蛋",
    "text:早上来一套天津煎饼",
    "text:摊煎饼的大叔手法真快",
    "text:杂粮煎饼加脆饼",
]


@pytest.mark.weights
def test_texts_teach_a_concept_for_titles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--taught", str(tmp_path)]
    assert main(["teach", "街头早餐", "--examples", *TEXTS, "--is-a", "food", *place]) == 0
    assert "100% of 4 examples found" in capsys.readouterr().out
    assert main(["teach", "test", "text:这家煎饼摊排长队", "text:今天股市大跌", *place]) == 0
    shown = capsys.readouterr().out.split()
    assert float(shown[1]) > 0.5 > float(shown[4])
    assert main(["teach", "list", *place]) == 0
    assert "街头早餐" in capsys.readouterr().out


@pytest.mark.weights
def test_clips_that_were_taught_are_tagged_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    media, stages = Store().folder("sample-media"), ["labels", "objects", "scene"]
    clips = [tmp_path / f"{name}.jpg" for name in ("left", "right", "small")]
    with Image.open(media / "cat.png") as picture:
        cat = picture.convert("RGB")
    wide, high = cat.size
    cat.crop((0, 0, int(wide * 0.9), high)).save(clips[0])
    cat.crop((int(wide * 0.1), 0, wide, high)).save(clips[1])
    cat.resize((wide // 2, high // 2)).save(clips[2])
    with Analyzer(only=stages, embeddings=True, taught=tmp_path / "none") as plain:
        names = []
        for clip in clips:
            report = plain.analyze(clip)
            names.append(str(clip.with_suffix(".json")))
            Path(names[-1]).write_text(report.to_json(), encoding="utf-8")
        before = plain.fingerprint
    place = tmp_path / "taught"
    assert main(["teach", "太空猫", "--examples", *names, "--facet", "element", "--taught", str(place)]) == 0
    assert "found" in capsys.readouterr().out
    with Analyzer(only=stages, taught=place) as learned:
        report, other = (learned.analyze(media / name) for name in ("cat.png", "coffee.png"))
        assert learned.fingerprint != before
    tag = next(one for one in report.tags if one.id == "taught:太空猫")
    assert any(one.source == "taught:太空猫" for one in tag.evidence)
    assert not any(one.id == "taught:太空猫" for one in other.tags)
    assert "taught:太空猫" not in kg.load()
