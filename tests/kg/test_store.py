"""The graph on disk: idempotence, walks, removal, exports that other tools read."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import GraphError
from kg.export import to_csv, to_graphml
from kg.store import GraphStore, Link, Node
from kg.walk import leading_to, near, together


def video(name: str) -> Node:
    return Node("video", name, f"the video {name}", {"seconds": 3})


ANN, SONG, DOG, MANY = (
    Node("person", "Ann"),
    Node("song", "Tune"),
    Node("concept", "dog", "狗 dog"),
    Node("concept", "person"),
)


@pytest.fixture
def store(tmp_path: Path) -> GraphStore:
    store = GraphStore(tmp_path / "graph.sqlite")
    store.put(
        video("a"), [Link("features", ANN, 0.9, 1.0, 4.0), Link("plays", SONG, 0.8), Link("shows", MANY)]
    )
    store.put(video("b"), [Link("features", ANN, 0.5), Link("shows", DOG, 0.7), Link("shows", MANY)])
    store.put(video("c"), [Link("shows", DOG, 0.9), Link("plays", SONG), Link("shows", MANY)])
    for number in range(20):
        store.put(video(f"x{number}"), [Link("shows", MANY)])
    return store


def number(store: GraphStore, node: Node) -> int:
    found = store.id_of(node.kind, node.key)
    assert found is not None
    return found


def test_putting_again_changes_nothing(store: GraphStore) -> None:
    before = list(store.nodes()), list(store.edges())
    assert (
        store.put(
            video("a"), [Link("features", ANN, 0.9, 1.0, 4.0), Link("plays", SONG, 0.8), Link("shows", MANY)]
        )
        is False
    )
    assert (sorted(store.nodes()), sorted(store.edges())) == (sorted(before[0]), sorted(before[1]))


def test_putting_differently_replaces_edges_and_drops_what_is_unused(store: GraphStore) -> None:
    store.put(video("new"), [Link("features", Node("person", "Bob"))])
    store.put(video("new"), [])
    assert store.id_of("person", "Bob") is None
    assert store.id_of("video", "new") is not None


def test_walks(store: GraphStore) -> None:
    both = leading_to(store, [[number(store, ANN)], [number(store, SONG)]], limit=5)
    assert [node.key for node, _ in both] == ["a"]
    assert leading_to(store, [[number(store, ANN)], []], limit=5) == []
    found = near(store, number(store, video("a")), limit=2)
    assert {node.key for node, _, _ in found} == {"b", "c"}
    assert {shared.node.key for _, _, why in found for shared in why} == {"Ann", "Tune", "person"}
    assert all(
        shared.node.key != "person"
        for _, _, why in near(store, number(store, video("a")), limit=9, most=10)
        for shared in why
    )
    ((node, times, total),) = together(store, number(store, ANN), kind="song", limit=3)
    assert (node.key, times, total) == ("Tune", 1, 2)


def test_removal_leaves_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "graph.sqlite"
    with GraphStore(path) as store:
        store.put(video("a"), [Link("features", Node("person", "Zyxwvutsrq"))])
        store.set_vector(Node("person", "Zyxwvutsrq"), b"biometric-bytes!" * 8)
        assert store.remove("person", "Zyxwvutsrq")
        assert not store.remove("person", "Zyxwvutsrq")
        assert store.vectors("person") == []
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert b"Zyxwvutsrq" not in content
        assert b"biometric-bytes!" not in content


def test_bulk_load_equals_putting_one_by_one(store: GraphStore, tmp_path: Path) -> None:
    with GraphStore(tmp_path / "other.sqlite") as other:
        other.load(list(store.nodes()), list(store.edges()))
        assert list(other.edges()) == list(store.edges())
        degrees = "SELECT kind, key, degree FROM node ORDER BY id"
        assert other.read(degrees) == store.read(degrees)
        with pytest.raises(GraphError, match="not empty"):
            other.load([], [])


def test_exports_are_read_by_others(store: GraphStore, tmp_path: Path) -> None:
    odd = Node("topic", 'a "quoted" <tag> & \x07 ,\n', "再见")
    store.put(video("odd"), [Link("about", odd)])
    to_graphml(store, tmp_path / "g.graphml")
    graph = networkx.read_graphml(tmp_path / "g.graphml")
    counts = store.counts()
    assert graph.number_of_nodes() == sum(n for name, n in counts.items() if not name.startswith("-"))
    assert graph.number_of_edges() == sum(n for name, n in counts.items() if name.startswith("-"))
    assert graph.edges[f"n{number(store, video('a'))}", f"n{number(store, ANN)}"]["weight"] == 0.9
    nodes, edges = to_csv(store, tmp_path / "csv")
    with nodes.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert odd.key in {row["key"] for row in rows}
    with edges.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == graph.number_of_edges()
    with pytest.raises(GraphError, match="cannot write"):
        to_graphml(store, tmp_path / "none" / "g.graphml")


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="add reports first"):
        GraphStore(tmp_path / "none.sqlite", create=False)
    (tmp_path / "text.sqlite").write_text("this is no database at all, but text" * 40)
    with pytest.raises(GraphError, match="cannot open"):
        GraphStore(tmp_path / "text.sqlite")
    sqlite3.connect(tmp_path / "other.sqlite").execute("CREATE TABLE meta (key, value)").connection.close()
    with pytest.raises(GraphError, match="format"):
        GraphStore(tmp_path / "other.sqlite")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4), st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6)), max_size=6)
        ),
        max_size=12,
    )
)
def test_degrees_are_the_edges_whatever_is_put_and_removed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, list[tuple[str, int]]]]
) -> None:
    with GraphStore(tmp_path_factory.mktemp("graph") / "g.sqlite") as store:
        for source, links in steps:
            if links:
                store.put(
                    Node("video", str(source)),
                    [
                        Link(relation, Node("video" if end < 2 else "thing", str(end)))
                        for relation, end in links
                    ],
                )
            else:
                store.remove("video", str(source))
        for number, degree in store.read("SELECT id, degree FROM node"):
            ((edges,),) = store.read(
                "SELECT (SELECT count(*) FROM edge WHERE source = ?1) + (SELECT count(*) FROM edge WHERE target = ?1)",
                (number,),
            )
            assert degree == edges
