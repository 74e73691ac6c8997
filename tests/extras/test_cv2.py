"""One OpenCV: insightface and paddleocr bring variants with a window system, the headless one must win."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

pytest.importorskip("insightface", reason="needs mmu-video[faces]")
pytest.importorskip("paddleocr", reason="needs mmu-video[paddle]")


def test_cv2_is_the_headless_one_of_the_locked_version() -> None:
    import cv2

    installed = importlib.metadata.version("opencv-python-headless")
    assert installed.startswith(cv2.__version__)
    assert cv2.version.headless
    windows = next(line for line in cv2.getBuildInformation().splitlines() if "GUI:" in line)
    assert windows.endswith("NONE")


def test_the_other_variants_are_there_for_their_packages_in_name_only() -> None:
    # paddlex looks for the metadata of opencv-contrib-python before it does anything
    assert importlib.metadata.version("opencv-contrib-python")
    assert importlib.metadata.version("opencv-python")


def test_nothing_brings_another_opencv_back() -> None:
    code = "import insightface, cv2; print(cv2.__version__, cv2.version.headless)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "True"
