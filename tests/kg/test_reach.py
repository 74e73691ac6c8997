"""Where belief flows: the best way, within so many steps."""

from kg import Concept, Graph


def graph(**edges: dict[str, float]) -> Graph:
    """Concepts by letter, each with what it implies."""
    names = {*edges, *(target for targets in edges.values() for target in targets)}
    return Graph(
        {
            name: Concept(name, name, name, "element", None, (), implies=edges.get(name, {}))
            for name in sorted(names)
        }
    )


def test_the_strongest_way_counts_however_long_it_is() -> None:
    found = graph(a={"b": 0.9, "d": 0.3}, b={"c": 0.9}, c={"d": 0.9}, d={"e": 0.5}).reach("a", 4)
    ways = {(*way,)[-1] if way else "a": (weight, way) for weight, way in found}
    assert ways["a"] == (1.0, ())
    assert ways["d"] == (0.9**3, ("b", "c", "d"))
    assert ways["e"] == (0.9**3 * 0.5, ("b", "c", "d", "e"))


def test_no_way_is_longer_than_allowed() -> None:
    # d is first reached directly; the better way to it, found in the step in which d is looked at, is no shorter.
    found = graph(a={"b": 0.9, "d": 0.1}, b={"d": 0.9}, d={"e": 0.5}).reach("a", 2)
    ways = {way[-1]: (weight, way) for weight, way in found if way}
    assert ways["d"] == (0.81, ("b", "d"))
    assert ways["e"] == (0.05, ("d", "e"))


def test_circles_end() -> None:
    assert {way[-1] for _, way in graph(a={"b": 0.9}, b={"a": 0.9}).reach("a", 4) if way} == {"b"}
