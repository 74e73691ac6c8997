"""A property graph on disk (SQLite): nodes of some kind, weighted edges with times."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from kg.errors import GraphError
from kg.sqlite import transaction

_FORMAT = "1"
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE node (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL,
    data TEXT NOT NULL, degree INTEGER NOT NULL DEFAULT 0, UNIQUE (kind, key)
);
CREATE INDEX node_name ON node (name COLLATE NOCASE);
CREATE TABLE edge (
    source INTEGER NOT NULL, relation TEXT NOT NULL, target INTEGER NOT NULL,
    weight REAL NOT NULL, start REAL, end REAL, PRIMARY KEY (source, relation, target)
) WITHOUT ROWID;
CREATE TABLE vector (node INTEGER PRIMARY KEY, kind TEXT NOT NULL, value BLOB NOT NULL)
"""
_REVERSE = "CREATE INDEX IF NOT EXISTS edge_target ON edge (target, source, relation, weight)"
#: rows written at once
_BATCH = 50_000


class Node(NamedTuple):
    """One node; `key` is unique within its kind."""

    kind: str
    key: str
    name: str = ""
    data: Mapping[str, Any] = MappingProxyType({})


class Link(NamedTuple):
    """One edge; `start` and `end` are seconds, None where it has no time."""

    relation: str
    target: Node
    weight: float = 1.0
    start: float | None = None
    end: float | None = None


class GraphStore:
    """Nodes and edges in one SQLite file (write-ahead log: readers never wait for a writer).

    Raises:
        GraphError: the file cannot be opened, is something else, or was written by another version.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        if not create and not path.is_file():
            raise GraphError(f"no graph at {path}: add reports first")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=60.0, isolation_level=None)
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            with self.writing():
                if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _TABLES.split(";"):
                        self._db.execute(statement)
                    self._db.execute(_REVERSE)
                    self._db.execute("INSERT INTO meta VALUES ('format', ?)", (_FORMAT,))
            row = self._db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        except (OSError, sqlite3.Error) as error:
            raise GraphError(f"cannot open the graph {path}: {error}") from error
        if row is None or row[0] != _FORMAT:
            was = row[0] if row else "none"
            raise GraphError(f"the graph {path} has format {was}, not {_FORMAT}: add the reports again")

    def put(self, node: Node, links: Sequence[Link]) -> bool:
        """Store a node and its outgoing edges in place of those it had; False when it was there already."""
        with self._errors(), self.writing():
            new = self.id_of(node.kind, node.key) is None
            source = self._node(node)
            before = self._unlink("source = ?", source)
            rows = {
                (source, link.relation, target): (link.weight, link.start, link.end)
                for link in links
                for target in [self._node(link.target)]
            }
            self._db.executemany(
                "INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?)", [(*key, *value) for key, value in rows.items()]
            )
            self._count((end for one, _, target in rows for end in (one, target)), 1)
            self._drop_unused(before)
        return new

    def load(self, nodes: Iterable[tuple[int, Node]], edges: Iterable[tuple[Any, ...]]) -> None:
        """Fill an empty graph: numbered nodes, edges (source, relation, target, weight, start, end).

        The index of the edges' targets and the degrees are made at the end, which is much faster.

        Raises:
            GraphError: the graph is not empty.
        """
        with self._errors():
            if self._db.execute("SELECT 1 FROM node").fetchone():
                raise GraphError(f"the graph {self.path} is not empty: bulk loading is for a new one")
            with self.writing():
                self._db.execute("DROP INDEX edge_target")
                self._db.executemany(
                    "INSERT INTO node (id, kind, key, name, data) VALUES (?, ?, ?, ?, ?)",
                    ((at, node.kind, node.key, node.name, json.dumps(dict(node.data))) for at, node in nodes),
                )
                self._db.executemany("INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?, ?)", edges)
                self._db.execute(_REVERSE)
                for end in ("source", "target"):
                    self._db.execute(
                        "UPDATE node SET degree = degree + counted.n FROM "
                        f"(SELECT {end} AS id, count(*) AS n FROM edge GROUP BY {end}) AS counted "
                        "WHERE node.id = counted.id"
                    )

    def remove(self, kind: str, key: str) -> bool:
        """Delete a node, its edges, and nodes that nothing leads to any more; False when there was none."""
        with self._errors(), self.writing():
            found = self.id_of(kind, key)
            if found is None:
                return False
            others = self._unlink("source = ?", found) | self._unlink("target = ?", found)
            self._delete(found)
            self._drop_unused(others)
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True

    def find(self, text: str, kind: str | None = None) -> list[tuple[int, Node]]:
        """Nodes whose key or name is this text, whatever its case."""
        where, values = "(key = ? OR name = ? COLLATE NOCASE)", [text, text]
        if kind is not None:
            where, values = where + " AND kind = ?", [*values, kind]
        with self._errors():
            rows = self._db.execute(
                f"SELECT id, kind, key, name, data FROM node WHERE {where}", values
            ).fetchall()
        return [(row[0], as_node(row[1:])) for row in rows]

    def id_of(self, kind: str, key: str) -> int | None:
        """The number of a node."""
        row = self._db.execute("SELECT id FROM node WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else int(row[0])

    def links(self, node: int) -> list[Link]:
        """Outgoing edges, the heaviest first."""
        with self._errors():
            rows = self._db.execute(
                "SELECT relation, kind, key, name, data, weight, start, end FROM edge "
                "JOIN node ON node.id = target WHERE source = ? ORDER BY weight DESC",
                (node,),
            ).fetchall()
        return [Link(row[0], as_node(row[1:5]), *row[5:]) for row in rows]

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query over the tables `node` and `edge`."""
        with self._errors():
            return self._db.execute(sql, tuple(values)).fetchall()

    def nodes(self) -> Iterator[tuple[int, Node]]:
        """Every node."""
        for row in self._db.execute("SELECT id, kind, key, name, data FROM node ORDER BY id"):
            yield row[0], as_node(row[1:])

    def edges(self) -> Iterator[tuple[int, str, int, float, float | None, float | None]]:
        """Every edge: (source, relation, target, weight, start, end)."""
        yield from self._db.execute("SELECT * FROM edge ORDER BY source, relation, target")

    def counts(self) -> dict[str, int]:
        """Nodes by kind, and edges by relation."""
        with self._errors():
            kinds = self._db.execute("SELECT kind, count(*) FROM node GROUP BY kind ORDER BY kind").fetchall()
            relations = self._db.execute("SELECT relation, count(*) FROM edge GROUP BY relation").fetchall()
        return dict(kinds) | {f"-{relation}->": count for relation, count in sorted(relations)}

    def vectors(self, kind: str) -> list[tuple[int, bytes]]:
        """(node, bytes) of the vectors kept for nodes of a kind."""
        with self._errors():
            return self._db.execute("SELECT node, value FROM vector WHERE kind = ?", (kind,)).fetchall()

    def set_vector(self, node: Node, value: bytes) -> None:
        """Keep a vector for a node, which is made when it is missing."""
        with self._errors(), self.writing():
            self._db.execute(
                "INSERT OR REPLACE INTO vector VALUES (?, ?, ?)", (self._node(node), node.kind, value)
            )

    def node(self, number: int) -> Node:
        """The node of a number."""
        with self._errors():
            row = self._db.execute(
                "SELECT kind, key, name, data FROM node WHERE id = ?", (number,)
            ).fetchone()
        if row is None:
            raise GraphError(f"the graph {self.path} has no node {number}")
        return as_node(row)

    def _node(self, node: Node) -> int:
        self._db.execute(
            "INSERT INTO node (kind, key, name, data) VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE "
            "SET name = iif(excluded.name = '', name, excluded.name), "
            "data = iif(excluded.data = '{}', data, excluded.data)",
            (node.kind, node.key, node.name, json.dumps(dict(node.data), ensure_ascii=False)),
        )
        found = self.id_of(node.kind, node.key)
        assert found is not None
        return found

    def _unlink(self, where: str, number: int) -> set[int]:
        """Delete edges and lower their ends' degrees; returns the nodes at their other ends."""
        ends = self._db.execute(f"SELECT source, target FROM edge WHERE {where}", (number,)).fetchall()
        self._db.execute(f"DELETE FROM edge WHERE {where}", (number,))
        self._count((one for pair in ends for one in pair), -1)
        return {one for pair in ends for one in pair} - {number}

    def _count(self, ends: Iterable[int], step: int) -> None:
        """Add `step` to the degree of a node for each time it is named; counting anew takes far longer."""
        changes = [(step * times, number) for number, times in Counter(ends).items()]
        self._db.executemany("UPDATE node SET degree = degree + ? WHERE id = ?", changes)

    def _drop_unused(self, numbers: Iterable[int]) -> None:
        """Nodes that nothing leads to and that lead nowhere; videos stay, whatever they show."""
        for number in numbers:
            row = self._db.execute("SELECT degree, kind FROM node WHERE id = ?", (number,)).fetchone()
            if row is not None and row[0] == 0 and row[1] != "video":
                self._delete(number)

    def _delete(self, number: int) -> None:
        self._db.execute("DELETE FROM vector WHERE node = ?", (number,))
        self._db.execute("DELETE FROM node WHERE id = ?", (number,))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All of the block or nothing of it; one writer at a time."""
        with transaction(self._db):
            yield

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise GraphError(f"the graph {self.path} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def as_node(row: Sequence[Any]) -> Node:
    """A node of (kind, key, name, data)."""
    return Node(row[0], row[1], row[2], json.loads(row[3]))
