"""Who may import whom: models, kg <- mmu <- pipelines; inside mmu nothing imports back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSE = ("models", "kg", "mmu", "pipelines", "benchmarks")
ALLOWED = {
    "models": {"models"},
    "kg": {"kg"},
    "mmu": {"models", "kg", "mmu"},
    "pipelines": {"models", "kg", "mmu", "pipelines"},
    "benchmarks": set(HOUSE),
}
#: layers inside mmu, lowest first; `report.schema` is the vocabulary that all share
LAYERS = ["media", "perception", "reasoning"]
SHARED = ("mmu.report.schema",)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("package", HOUSE)
def test_packages(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        used = {name.partition(".")[0] for name in imports(path)} & set(HOUSE)
        assert used <= ALLOWED[package], f"{path.relative_to(ROOT)} imports {used - ALLOWED[package]}"


@pytest.mark.parametrize("layer", LAYERS)
def test_layers(layer: str) -> None:
    later = [f"mmu.{name}" for name in [*LAYERS[LAYERS.index(layer) + 1 :], "report", "analyzer", "cli"]]
    for path in (ROOT / "mmu" / layer).rglob("*.py"):
        for name in imports(path):
            bad = name.startswith(tuple(later)) and not name.startswith(SHARED)
            assert not bad, f"{path.relative_to(ROOT)} imports {name}"
