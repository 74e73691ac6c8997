"""No import of one library breaks another, in either order, in one process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

for name, extra in (
    ("torch", "torch"),
    ("paddle", "paddle"),
    ("insightface", "faces"),
    ("whisper", "whisper"),
):
    pytest.importorskip(name, reason=f"needs mmu-video[{extra}]")

#: what each is asked to do once all are imported
WORK = {
    "cv2": "cv2.blur(numpy.zeros((9, 9), numpy.uint8), (3, 3)).shape == (9, 9)",
    "torch": "torch.nn.functional.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3)).sum().item() == 3888",
    "paddle": "float(paddle.nn.functional.conv2d(paddle.ones([1, 3, 8, 8]), paddle.ones([4, 3, 3, 3])).sum()) == 3888",
    "onnxruntime": "onnxruntime.get_available_providers()[-1] == 'CPUExecutionProvider'",
    "ctranslate2": "ctranslate2.StorageView.from_array(numpy.ones((2, 2), numpy.float32)).shape == [2, 2]",
    "faster_whisper": "faster_whisper.WhisperModel",
    "whisper": "whisper.log_mel_spectrogram(numpy.zeros(16000, numpy.float32)).shape == (80, 100)",
    "insightface.app": "insightface.app.FaceAnalysis",
    "av": "av.codec.codecs_available",
}


@pytest.mark.parametrize("backwards", [False, True], ids=["torch first", "paddle first"])
def test_all_work_in_one_process(backwards: bool) -> None:
    names = [
        "cv2",
        "torch",
        "onnxruntime",
        "ctranslate2",
        "faster_whisper",
        "whisper",
        "insightface.app",
        "av",
        "paddle",
    ]
    order = names[::-1] if backwards else names
    code = "import numpy\n" + "".join(f"import {name}\n" for name in order)
    code += "".join(f"assert {WORK[name]}, {name!r}\n" for name in [*order, *names])
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_project_imports_none_of_them() -> None:
    code = (
        "import sys, mmu, mmu.cli, mmu.analyzer, mmu.perception.catalog, mmu.perception.adapters as a\n"
        "[one.load() for one in a.adapters().values()]\n"
        "print(sorted({'torch', 'paddle', 'transformers', 'whisper', 'demucs', 'insightface'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
