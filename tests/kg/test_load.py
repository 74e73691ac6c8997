import argparse

import pytest

import kg
from kg import cli
from kg.check import check

TOPIC = "vertical: root\nfacet: topic\ngroups:\n- concepts:\n    root: 根 | root\n"


def ontology(tmp_path, concepts, labels=None):
    (tmp_path / "concepts").mkdir()
    (tmp_path / "labels").mkdir()
    (tmp_path / "concepts" / "topics.yaml").write_text(TOPIC, encoding="utf-8")
    (tmp_path / "concepts" / "a.yaml").write_text(
        "facet: element\ngroups:\n- is: root .8\n  implies: thing .3\n  concepts:\n    thing: {zh: 物, en: thing, is: root}\n"
        + "".join(f"    {line}\n" for line in concepts),
        encoding="utf-8",
    )
    for name, text in (labels or {}).items():
        (tmp_path / "labels" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_defaults_names_and_weights(tmp_path):
    root = ontology(
        tmp_path, ["apple: 苹果/红苹果 | apple~.8/red apple", "pear: {zh: 梨, en: pear, implies: thing 0}"]
    )
    graph = kg.load(root)
    apple = graph.concept("apple")
    assert (apple.zh, apple.en, apple.facet, apple.source) == ("苹果", "apple", "element", "a.yaml")
    assert apple.is_a == {"root": 0.8}
    assert apple.implies == {"thing": 0.3}
    assert [(alias.text, alias.weight) for alias in apple.aliases if alias.language == "en"] == [
        ("apple", 0.8),
        ("red apple", 1.0),
    ]
    assert graph.concept("pear").implies == {}
    assert graph.children("root") == ["thing", "apple", "pear"]
    assert kg.load(root) is graph


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("apple: 苹果", "Chinese names | English names"),
        ("apple: {zh: 苹果}", "needs names"),
        ("apple: {zh: 苹果, en: apple, color: red}", "unknown fields"),
        ("apple: {zh: 苹果, en: apple, facet: smell}", "facet 'smell'"),
        ("apple: {zh: 苹果, en: apple, is: fruit}", "apple -> fruit"),
        ("apple: {zh: 苹果, en: apple, implies: root often}", "not a weight"),
        ("apple: {zh: 苹果, en: apple, implies: root 1.5}", "outside"),
        ("root: 根 | root", "again in"),
        ("apple: [", "cannot read"),
    ],
)
def test_malformed_files_say_where(tmp_path, line, message):
    with pytest.raises(kg.GraphError) as error:
        kg.load(ontology(tmp_path, [line]))
    assert message in str(error.value)


def test_a_label_of_an_unknown_concept_is_an_error(tmp_path):
    with pytest.raises(kg.GraphError, match=r"labels/x\.yaml: dog -> wolf"):
        kg.load(ontology(tmp_path, [], {"x": "dog: wolf .5\n"}))


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(kg.GraphError, match="no concept files"):
        kg.load(tmp_path)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["a: {zh: 甲甲, en: aaa, is: b}", "b: {zh: 乙乙, en: bbb, is: a}"], "circle: a -> b -> a"),
        (["a: 同名 | aaa", "b: 同名 | bbb"], "claimed without weight by a, b"),
        (["a: 我们 | aaa"], "hijacks a common word"),
        (["a: 甲甲/甲甲 | aaa"], "twice"),
        (["a: {zh: 甲甲, en: aaa, excludes: root}"], "leads to root and excludes it"),
        (["a: {zh: 甲甲, en: aaa, vertical: thing}"], "no topic"),
    ],
)
def test_check_finds_what_still_loads(tmp_path, lines, problem):
    assert any(problem in found for found in check(kg.load(ontology(tmp_path, lines))))


def test_unknown_labels_fall_back_to_names():
    graph = kg.load()
    assert graph.label("nothing", "golden retriever") == [("golden_retriever", 0.9)]
    assert graph.label("nothing", "狗狗")[0][0] == "dog"
    assert graph.label("nothing", "qwertyuiop") == []


def test_queries():
    graph = kg.load()
    with pytest.raises(kg.GraphError, match="unknown concept 'nope'"):
        graph.edges("nope")
    targets = {edge.target: edge for edge in graph.edges("soccer_ball")}
    assert targets["ball"].relation == "is_a"
    assert targets["soccer"].relation == "implies"
    assert [concept.id for concept, _ in graph.search("吉他")][:1] == ["guitar"]
    assert graph.path("dog", "dog") == []
    path = graph.path("golden_retriever", "animal")
    assert path[0].source == "golden_retriever"
    assert path[-1].target == "animal"
    assert all(step.forward for step in path)
    assert graph.path("violin", "cello")


def run(*words):
    parser = argparse.ArgumentParser()
    cli.add_parser(parser.add_subparsers())
    return cli.run(parser.parse_args(["kg", *words]))


def test_cli(capsys, tmp_path):
    assert run("check") == 0
    assert "0 problems" in capsys.readouterr().out
    assert run("show", "狗狗") == 0
    assert "is_a" in capsys.readouterr().out
    assert run("search", "吉他") == 0
    assert "guitar" in capsys.readouterr().out
    assert run("path", "小提琴", "music") == 0
    assert "-->" in capsys.readouterr().out
    assert run("stats") == 0
    assert run("link", "带狗狗去公园") == 0
    assert "park" in capsys.readouterr().out
    assert run("show", "nonexistent") == 2
    assert "unknown concept" in capsys.readouterr().err
    root = ontology(tmp_path, ["a: {zh: 甲甲, en: aaa, is: b}", "b: {zh: 乙乙, en: bbb, is: a}"])
    assert run("--root", str(root), "check") == 1
    assert run("--root", str(tmp_path / "nowhere"), "stats") == 2
