"""A graph small enough to reason about by hand."""

from kg import Alias, Concept, Graph


def concept(name: str, zh: str, facet: str = "element", **relations: object) -> Concept:
    aliases = (Alias(zh, "zh", 1.0), Alias(name.replace("_", " "), "en", 1.0))
    vertical = relations.pop("vertical", None)
    return Concept(name, zh, name.replace("_", " "), facet, vertical, aliases, **relations)  # type: ignore[arg-type]


def small_graph() -> Graph:
    concepts = [
        concept("animal", "动物"),
        concept("pet", "宠物", "topic", vertical="pet"),
        concept("cat", "猫咪", is_a={"animal": 0.97}, implies={"pet": 0.8}),
        concept("dog", "小狗", is_a={"animal": 0.97}, implies={"pet": 0.8}),
        concept("indoor", "室内", "scene", excludes=("outdoor",)),
        concept("outdoor", "室外", "scene", excludes=("indoor",)),
        concept("football", "足球", "topic", implies={"sports": 0.9}, vertical="sports"),
        concept("sports", "体育", "topic", vertical="sports"),
        concept("thing", "东西", taggable=False),
        concept("happy", "开心", "emotion"),
        concept("person", "人物", "person"),
        concept("talking", "说话", "action"),
    ]
    labels = {
        "imagenet1k": {"tabby": [("cat", 0.95)], "tiger cat": [("cat", 0.9)], "ball": [("football", 0.6)]},
        "coco": {"cat": [("cat", 0.95)], "dog": [("dog", 0.95)], "blob": [("thing", 0.9)]},
        "scene": {"indoor": [("indoor", 0.95)], "outdoor": [("outdoor", 0.95)]},
        "face": {"face": [("person", 0.98)]},
        "speech": {"speech": [("talking", 0.9)]},
        "expression": {"happy": [("happy", 0.9)]},
    }
    return Graph({one.id: one for one in concepts}, labels)
