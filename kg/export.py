"""Write a graph in the formats that other tools load: GraphML, and the CSV files of bulk importers."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from kg.errors import GraphError
from kg.store import GraphStore

_KEYS = {"node": ("kind", "key", "name", "data"), "edge": ("relation", "weight", "start", "end")}
_TYPES = {"weight": "double", "start": "double", "end": "double"}


def to_graphml(store: GraphStore, path: Path) -> None:
    """One GraphML file (networkx, Gephi, yEd, Neo4j's apoc).

    Raises:
        GraphError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
            file.write('<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
            for of, names in _KEYS.items():
                for name in names:
                    kind = _TYPES.get(name, "string")
                    file.write(f'<key id="{name}" for="{of}" attr.name="{name}" attr.type="{kind}"/>\n')
            file.write('<graph edgedefault="directed">\n')
            for number, node in store.nodes():
                values = (node.kind, node.key, node.name, json.dumps(dict(node.data), ensure_ascii=False))
                file.write(f"<node id={quoteattr(f'n{number}')}>{_data('node', values)}</node>\n")
            for source, relation, target, *numbers in store.edges():
                times = ["" if one is None else repr(one) for one in numbers]
                data = _data("edge", [relation, *times])
                file.write(f'<edge source="n{source}" target="n{target}">{data}</edge>\n')
            file.write("</graph>\n</graphml>\n")
    except OSError as error:
        raise GraphError(f"cannot write {path}: {error.strerror or error}") from error


def to_csv(store: GraphStore, folder: Path) -> tuple[Path, Path]:
    """`nodes.csv` and `edges.csv` with the header of `neo4j-admin database import`.

    Raises:
        GraphError: the files cannot be written.
    """
    nodes, edges = folder / "nodes.csv", folder / "edges.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with nodes.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id:ID", ":LABEL", "key", "name", "data"])
            for number, node in store.nodes():
                data = json.dumps(dict(node.data), ensure_ascii=False)
                writer.writerow([number, node.kind, node.key, node.name, data])
        with edges.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([":START_ID", ":TYPE", ":END_ID", "weight:double", "start:double", "end:double"])
            for row in store.edges():
                writer.writerow(["" if one is None else one for one in row])
    except OSError as error:
        raise GraphError(f"cannot write {folder}: {error.strerror or error}") from error
    return nodes, edges


def _data(of: str, values: Sequence[str]) -> str:
    return "".join(
        f'<data key="{name}">{escape(_printable(value))}</data>'
        for name, value in zip(_KEYS[of], values, strict=True)
        if value != ""
    )


def _printable(text: str) -> str:
    """Without the control characters that XML has no way to write."""
    return "".join(one for one in text if one in "\t\n" or (ord(one) >= 32 and one not in "\ufffe\uffff"))
