"""The index by its own files; vectors of texts are made up here, those of the networks are in test_retrieval."""

from __future__ import annotations

import random
import secrets
from pathlib import Path

import pytest

from mmu.cli import main
from mmu.errors import ConfigError, StoreError
from mmu.search.filters import SearchFilters
from mmu.search.index import SearchIndex
from tests.mmu.reports import report

from .conftest import Hashed

DOG = report("dog", {"dog": 0.8, "snow": 0.7}, title="冬天的狗", category="pets", duration=12)
CAKE = report(
    "cake", {"cake": 0.9, "kitchen": 0.6}, lines=[(2.0, 3.5, "先把面粉倒进去")], category="food", duration=60
)
HUSKY = report("husky", {"husky": 0.7, "grass": 0.5}, speech=[(9.0, 12.0, "今天带它去公园")], duration=30)
CAR = report("car", {"car": 0.9, "street": 0.8}, category="transport", duration=100)


@pytest.fixture
def index(tmp_path: Path, embedder: Hashed) -> SearchIndex:
    index = SearchIndex(tmp_path / "index", embedder=embedder)
    assert index.add([DOG, CAKE, HUSKY, CAR]) == 4
    return index


def names(hits: list) -> list[str]:  # type: ignore[type-arg]
    return [Path(hit.uri).stem for hit in hits]


def test_a_concept_is_found_in_both_languages_with_its_kinds(index: SearchIndex) -> None:
    for text in ("狗", "a dog"):
        hits = index.search(text, limit=2)
        assert names(hits) == ["dog", "husky"]
        assert hits[0].moment == (4.0, 8.0)
        assert hits[0].reasons[0].kind == "shown"


def test_words_on_screen_and_spoken_give_the_moment(index: SearchIndex) -> None:
    (hit,) = index.search("倒面粉", limit=1)
    assert names([hit]) == ["cake"]
    assert hit.moment == (2.0, 3.5)
    (hit,) = index.search("去公园", limit=1)
    assert names([hit]) == ["husky"]
    assert any(reason.span == (9.0, 12.0) for reason in hit.reasons)


def test_filters(index: SearchIndex) -> None:
    assert names(index.search("狗", filters=SearchFilters(tags=("grass",)))) == ["husky"]
    assert "husky" in names(index.search("狗", filters=SearchFilters(tags=("狗",))))
    assert names(index.search("狗", filters=SearchFilters(category="food"))) == ["cake"]
    assert names(index.search("狗", filters=SearchFilters(min_duration=50, max_duration=70))) == ["cake"]
    assert index.search("狗", filters=SearchFilters(facets=("emotion",))) == []
    with pytest.raises(ConfigError, match="facets: element"):
        index.search("狗", filters=SearchFilters(facets=("colour",)))
    with pytest.raises(ConfigError, match="no concept"):
        index.search("狗", filters=SearchFilters(tags=("quxxyzzy",)))


def test_adding_again_replaces(index: SearchIndex, embedder: Hashed) -> None:
    again = report("dog", {"car": 0.9}, title="换了")
    assert index.add([again]) == 0
    assert len(index) == 4
    assert "dog" not in names(index.search("雪", filters=SearchFilters(tags=("snow",))))
    with SearchIndex(index.folder, embedder=embedder) as other:
        assert names(other.search("换了", limit=1)) == ["dog"]


def test_what_is_removed_leaves_no_bytes(index: SearchIndex) -> None:
    secret = "秘密" + "的词语" + secrets.token_hex(8)
    index.add([report("secret", {"moon": 0.5}, title=secret, speech=[(1, 2, secret)])])
    index.remove("/videos/secret.mp4")
    assert "secret" not in names(index.search(secret, limit=10))
    assert len(index) == 4
    with pytest.raises(StoreError, match="not in the search index"):
        index.remove("/videos/secret.mp4")
    index.close()
    for file in index.folder.rglob("*"):
        if file.is_file():
            assert secret[-16:].encode() not in file.read_bytes(), file


def test_another_process_sees_new_videos(index: SearchIndex, embedder: Hashed) -> None:
    with SearchIndex(index.folder, create=False, embedder=embedder) as reader:
        assert names(reader.search("月亮", limit=1)) != ["moon"]
        index.add([report("moon", {"moon": 0.9})])
        assert names(reader.search("月亮", limit=1)) == ["moon"]


def test_by_example_copies_come_first(index: SearchIndex) -> None:
    draw = random.Random(7)
    frames = [(t / 2, draw.randbytes(26).hex()) for t in range(24)]
    index.add([report("original", {"car": 0.9}, frames=frames, duration=12)])
    copy = report("copy", {"cake": 0.9}, frames=[(t, h) for t, h in frames[4:20]], duration=8)
    hits = index.like(copy, limit=3)
    assert names(hits)[0] == "original"
    assert hits[0].reasons[0].kind == "copy"
    assert hits[0].moment is not None
    assert names(hits)[1] == "cake"


def test_bad_use(index: SearchIndex, tmp_path: Path, embedder: Hashed) -> None:
    with pytest.raises(ConfigError, match="empty text"):
        index.search("  ")
    with pytest.raises(ConfigError, match="at least 1"):
        index.search("狗", limit=0)
    with pytest.raises(StoreError, match="mmu index add"):
        SearchIndex(tmp_path / "nothing", create=False)
    failed = DOG.model_copy(update={"outcome": "failed", "id": "x"})
    with pytest.raises(ConfigError, match="nothing to find"):
        index.add([failed])


def test_a_text_of_odd_signs_finds_nothing_and_breaks_nothing(index: SearchIndex) -> None:
    for text in ('"', "AND OR NOT", "'; DROP TABLE video; --", "*", "🐶", "a" * 5000):
        index.search(text, limit=3)
    assert len(index) == 4


NAMED = [
    report("paris", {"street": 0.9}, entities=[("place:paris", "巴黎", "Paris")]),
    report("zhou", {"stage": 0.9}, entities=[("person:周迅", "周迅", "周迅")]),
    report("tune", {"dance": 0.9}, songs=[("Blue Tune", 2.0, 7.0), ("Blue Tune", 9.0, 10.0)]),
]


@pytest.mark.parametrize(
    ("text", "found", "kind"),
    [
        ("巴黎", "paris", "named"),
        ("Paris by night", "paris", "named"),
        ("周迅的电影", "zhou", "named"),
        ("周迅在巴黎", "paris", "named"),
        ("the blue tune", "tune", "song"),
    ],
)
def test_names_and_songs_are_found_in_both_languages(
    index: SearchIndex, text: str, found: str, kind: str
) -> None:
    index.add(NAMED)
    hits = index.search(text, limit=2)
    assert found in names(hits)
    hit = hits[names(hits).index(found)]
    assert hit.reasons[0].kind == kind
    assert hit.moment == ((2.0, 7.0) if kind == "song" else (5.0, 6.0))


def test_a_part_of_a_word_is_no_name(index: SearchIndex) -> None:
    index.add([report("ann", {"moon": 0.2}, entities=[("person:ann", "Ann", "Ann")])])
    assert "ann" not in names(index.search("annual planning", limit=3))


def test_where_a_track_plays(index: SearchIndex, capsys: pytest.CaptureFixture[str]) -> None:
    index.add([*NAMED, report("more", {"car": 0.9}, songs=[("Blue Tune", 1.0, 3.0)], duration=3)])
    hits = index.playing("blue tune")
    assert {Path(hit.uri).stem for hit in hits} == {"tune", "more"}
    assert {hit.moment for hit in hits} == {(2.0, 7.0), (1.0, 3.0)}
    assert names(index.playing("Blue Tune", filters=SearchFilters(max_duration=5))) == ["more"]
    with pytest.raises(StoreError, match="plays in no video"):
        index.playing("Red Tune")
    place = ["--index", str(index.folder)]
    assert main(["search", "--song", "Blue Tune", "--json", *place]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["search", "--song", "Red Tune", *place]) == 2
    assert main(["search", "--song", "a", "--like", "b", *place]) == 2


def test_a_forgotten_person_is_no_longer_named(index: SearchIndex) -> None:
    index.add(NAMED)
    assert index.forget_person("周迅") == 1
    assert index.forget_person("周迅") == 0
    assert all(reason.kind != "named" for hit in index.search("周迅", limit=9) for reason in hit.reasons)
    assert "paris" in names(index.search("巴黎", limit=1))
    index.close()
    for file in index.folder.rglob("*"):
        if file.is_file():
            assert "周迅".encode() not in file.read_bytes(), file
