"""The builders of `sample.py` and their media as fixtures."""

from __future__ import annotations

import importlib.util
import sys
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
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = _module.write_video(tmp_path_factory.mktemp("video") / "launch coffee.mp4")
    return path
