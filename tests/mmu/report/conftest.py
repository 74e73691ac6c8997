"""The builders of `sample.py` and their media as fixtures."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

_spec = importlib.util.spec_from_file_location("report_sample", Path(__file__).with_name("sample.py"))
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["report_sample"] = _module
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    return _module


@pytest.fixture(scope="session")
def video(made_once: Callable[..., Path]) -> Path:
    return made_once("launch coffee.mp4", _module.write_video)
