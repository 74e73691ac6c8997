"""Reads the ontology files into a `Graph`.

`ontology/concepts/<vertical>.yaml` holds groups of concepts that share
defaults; `ontology/labels/<vocabulary>.yaml` maps a model's labels;
`ontology/guards.yaml` lists phrases that contain an alias by accident. The
form of each is described in `ontology/README.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

from kg.errors import GraphError
from kg.graph import FACETS, Alias, Concept, Graph

ONTOLOGY = Path(__file__).parent / "ontology"
#: P(parent fits | child fits) where a file gives no weight: the few percent are loose taxonomy.
IS_A_WEIGHT = 0.97
#: a brand's name with one of these behind it is a thing of that kind: 长城汽车 is a car
_KINDS_OF_GOODS = "汽车 手机 电脑 相机 轿车 摩托 电器 空调 咖啡 啤酒 可乐 牛奶 薯片 娃娃 银行 保险 快递"
_RELATIONS = {"implies": 0.5, "part_of": 0.3, "used_in": 0.5, "co_occurs": 0.3}
_DEFAULTS = {"facet", "vertical", "is", "implies", "used_in"}
_FIELDS = {"zh", "en", "facet", "vertical", "is", "also", "excludes", "opposite", "taggable", *_RELATIONS}


def load(root: str | Path | None = None) -> Graph:
    """The graph of an ontology folder (default: the shipped one). Cached by folder.

    Raises GraphError when a file is missing or malformed, a concept is
    defined twice, or a relation names an unknown concept.
    """
    return _load((Path(root) if root is not None else ONTOLOGY).resolve())


@lru_cache(maxsize=4)
def _load(root: Path) -> Graph:
    files = sorted((root / "concepts").glob("*.yaml"))
    if not files:
        raise GraphError(f"no concept files (*.yaml) in {root / 'concepts'}")
    concepts: dict[str, Concept] = {}
    for path in files:
        for concept in _read_concepts(path):
            if concept.id in concepts:
                first = concepts[concept.id].source
                raise GraphError(f"concept {concept.id!r} is defined in {first} and again in {path.name}")
            concepts[concept.id] = concept
    labels = {
        path.stem: {str(label): _weighted(value, 1.0, path) for label, value in read_yaml(path).items()}
        for path in sorted((root / "labels").glob("*.yaml"))
    }
    _no_dangling(concepts, labels)
    guards = root / "guards.yaml"
    return Graph(
        concepts,
        {
            name: {k: sorted(v.items(), key=lambda i: -i[1]) for k, v in m.items()}
            for name, m in labels.items()
        },
        (
            *(read_yaml(guards).get("guards", ()) if guards.exists() else ()),
            *_brands(root / "entities" / "brands.yaml"),
        ),
    )


def _brands(path: Path) -> tuple[str, ...]:
    """Chinese display names of brands: what a part of one names is not meant (海底 in 海底捞)."""
    if not path.exists():
        return ()
    lines = [str(line) for line in (read_yaml(path).get("names") or {}).values()]
    names = [line.partition("|")[0].partition("/")[0].strip() for line in lines]
    goods = tuple(_KINDS_OF_GOODS.split())
    return tuple(name for name in names if "~" not in name and not name.endswith(goods))


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a file holds. Raises GraphError where it cannot be read or holds something else."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, yaml.YAMLError) as error:
        raise GraphError(f"cannot read {path.name}: {error}") from error
    if not isinstance(content, dict):
        raise GraphError(f"{path.name} must hold a mapping, not {type(content).__name__}")
    return content


def _read_concepts(path: Path) -> Iterator[Concept]:
    content = read_yaml(path)
    file_defaults = {key: value for key, value in content.items() if key in _DEFAULTS}
    groups = content.get("groups")
    if not isinstance(groups, list):
        raise GraphError(f"{path.name} must have a list `groups`")
    for group in groups:
        unknown = set(group) - _DEFAULTS - {"concepts"}
        if unknown:
            raise GraphError(f"{path.name}: a group has unknown fields {sorted(unknown)}")
        defaults = file_defaults | {key: value for key, value in group.items() if key in _DEFAULTS}
        for concept, entry in group.get("concepts", {}).items():
            yield _concept(str(concept), entry, defaults, path)


def _concept(concept: str, entry: Any, defaults: dict[str, Any], path: Path) -> Concept:
    where = f"{path.name}: {concept}"
    if isinstance(entry, str):
        zh, bar, en = entry.partition("|")
        if not bar:
            raise GraphError(f"{where} must be `Chinese names | English names`")
        entry = {"zh": zh.strip(), "en": en.strip()}
    if not isinstance(entry, dict) or not entry.get("zh") or not entry.get("en"):
        raise GraphError(f"{where} needs names in `zh` and `en`")
    unknown = set(entry) - _FIELDS
    if unknown:
        raise GraphError(f"{where} has unknown fields {sorted(unknown)}; known: {', '.join(sorted(_FIELDS))}")
    facet = entry.get("facet", defaults.get("facet"))
    if facet not in FACETS:
        raise GraphError(f"{where} has facet {facet!r}; known: {', '.join(FACETS)}")
    chinese = aliases(entry["zh"], "zh", where)
    english = aliases(entry["en"], "en", where)
    is_a = _weighted(entry.get("is", defaults.get("is", "")), IS_A_WEIGHT, where)
    is_a |= _weighted(entry.get("also", ""), IS_A_WEIGHT, where)
    relations = {
        name: _weighted(defaults.get(name, ""), weight, where) | _weighted(entry.get(name, ""), weight, where)
        for name, weight in _RELATIONS.items()
    }
    # A weight of 0 takes back what the group gives; a group's default may name one of its own concepts.
    relations = {
        name: {target: weight for target, weight in targets.items() if weight > 0 and target != concept}
        for name, targets in relations.items()
    }
    return Concept(
        id=concept,
        zh=chinese[0].text,
        en=english[0].text,
        facet=facet,
        vertical=entry.get("vertical", defaults.get("vertical")),
        aliases=tuple(chinese + english),
        is_a={target: weight for target, weight in is_a.items() if target != concept},
        excludes=tuple(_weighted(entry.get("excludes", ""), 1.0, where)),
        opposite=entry.get("opposite"),
        taggable=bool(entry.get("taggable", True)),
        source=path.name,
        **relations,
    )


def aliases(text: Any, language: Literal["zh", "en"], where: str) -> list[Alias]:
    """`"dog/puppy~.8"` as names with their weights (1 where none is given). Raises GraphError."""
    found = []
    for part in str(text).split("/"):
        name, mark, weight = part.strip().partition("~")
        if not name:
            raise GraphError(f"{where} has an empty name in {text!r}")
        found.append(Alias(name, language, _number(weight, where) if mark else 1.0))
    return found


def _weighted(text: Any, default: float, where: object) -> dict[str, float]:
    """`"a .7/b/c .4"` -> {"a": .7, "b": default, "c": .4}."""
    if text is None or text == "":
        return {}
    weighted: dict[str, float] = {}
    for part in str(text).split("/"):
        target, _, weight = part.strip().partition(" ")
        if not target:
            raise GraphError(f"{where} has an empty target in {text!r}")
        weighted[target] = _number(weight, where) if weight else default
    return weighted


def _number(text: str, where: object) -> float:
    try:
        number = float(text)
    except ValueError:
        raise GraphError(f"{where}: {text!r} is not a weight") from None
    if not 0.0 <= number <= 1.0:
        raise GraphError(f"{where}: weight {number} lies outside [0, 1]")
    return number


def _no_dangling(concepts: dict[str, Concept], labels: dict[str, dict[str, dict[str, float]]]) -> None:
    missing: list[str] = []
    for concept in concepts.values():
        targets = [*concept.is_a, *concept.excludes, concept.vertical, concept.opposite]
        for relation in ("implies", "part_of", "used_in", "co_occurs"):
            targets.extend(getattr(concept, relation))
        missing += [
            f"{concept.source}: {concept.id} -> {target}"
            for target in targets
            if target and target not in concepts
        ]
    for vocabulary, entries in labels.items():
        missing += [
            f"labels/{vocabulary}.yaml: {label} -> {target}"
            for label, targets_ in entries.items()
            for target in targets_
            if target not in concepts
        ]
    if missing:
        raise GraphError(f"{len(missing)} unknown concepts are referred to: " + "; ".join(missing[:200]))
