"""The lexicon of brands and places, and quotations."""

from pathlib import Path

import pytest

from kg.entities import load_entities
from kg.errors import GraphError
from kg.load import load
from kg.quotes import quotations


def test_every_entry_is_found_by_its_own_names() -> None:
    lexicon = load_entities()
    assert len(lexicon.entries) > 400
    for entry in lexicon.entries.values():
        for alias in entry.aliases:
            if len(alias.text) > 1:
                assert entry.id in {one.concept for one in lexicon.link(alias.text)}, alias.text


def test_one_thing_has_one_id_in_both_languages_and_scripts() -> None:
    lexicon = load_entities()
    found = [{one.concept for one in lexicon.link(text)} for text in ("巴黎", "Paris", "去巴黎", "PARIS")]
    assert found == [{"place:paris"}] * 4
    assert {one.concept for one in lexicon.link("華為")} == {"brand:huawei"}


@pytest.mark.parametrize(
    ("brands", "message"),
    [
        ("kind: place\nnames: {}", "kind: brand"),
        ("kind: brand\nnames: {a: 华为}", "Chinese names"),
        ("kind: brand\nnames: {a: 华为 | Huawei, b: 中为 | HUAWEI}", "name of brand:a too"),
        ("kind: brand\nnames: {a: 华为~2 | Huawei}", "outside"),
        ("- a", "mapping"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, brands: str, message: str) -> None:
    folder = tmp_path / "entities"
    folder.mkdir()
    (folder / "brands.yaml").write_text(brands, "utf-8")
    (folder / "places.yaml").write_text("kind: place\nnames: {}", "utf-8")
    (folder / "given_names.yaml").write_text("names: Ann", "utf-8")
    with pytest.raises(GraphError, match=message):
        load_entities(tmp_path)


def test_quotations_are_told_from_titles_of_works() -> None:
    text = '他说“你好”，唱《稻香》和"abc"，没关的“引号'
    assert [(text[a:b], kind) for a, b, kind in quotations(text)] == [
        ("你好", "words"),
        ("稻香", "work"),
        ("abc", "words"),
    ]
    assert quotations("《》 “”") == []
    nested = "“外面《里面》外面”"
    assert [nested[a:b] for a, b, _ in quotations(nested)] == ["外面《里面》外面"]


@pytest.mark.parametrize(
    ("plain", "quoted"),
    [
        ("狗狗在公园", "“狗狗在公园”"),
        ("看狗狗的旅程", "看《狗狗的旅程》"),
        ("he saw a dog today", 'he said "he saw a dog today"'),
    ],
)
def test_quoted_words_count_less_than_own_ones(plain: str, quoted: str) -> None:
    weights = [
        next(one.weight for one in load().link(text) if one.concept == "dog") for text in (plain, quoted)
    ]
    assert 0 < weights[1] < weights[0]


def test_a_name_that_fills_its_quotation_is_meant() -> None:
    (plain,), (titled,) = (load().link(text) for text in ("王者荣耀", "《王者荣耀》"))
    assert plain.weight == titled.weight


@pytest.mark.parametrize("text", ["这不是猫咪", "这里没有狗狗", "not a cat", "he is not in the kitchen"])
def test_what_is_denied_is_not_there(text: str) -> None:
    assert not {"cat", "dog", "kitchen"} & {one.concept for one in load().link(text)}


def test_a_part_of_a_brand_is_no_concept() -> None:
    assert "underwater" in {one.concept for one in load().link("海底世界")}
    assert load().link("去海底捞") == []
    assert {one.concept for one in load().link("长城汽车")} >= {"car"}
