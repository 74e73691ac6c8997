"""PaddleOCR in its worker process: the same lines as PaddleOCR gives in this one, and as stage `text`."""

from __future__ import annotations

import array
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("paddleocr")

from mmu.media.clip import Clip
from mmu.perception.catalog import build_stages
from mmu.signals import SignalSet
from models.errors import ModelError
from models.paddle.ocr import PaddleDetector, PaddleRecognizer, PaddleWorker
from models.store import Store
from tests.extras.small import ocr_folder

CHARACTERS = "abcdefghij0123456789视频"
MODEL = "PP-OCRv5_mobile"


def page() -> np.ndarray:
    """White bars on black: what the small detector takes for lines. 400 × 200."""
    image = np.zeros((200, 400, 3), np.uint8)
    cv2.rectangle(image, (30, 20), (330, 50), (255, 255, 255), -1)
    cv2.rectangle(image, (60, 100), (200, 140), (255, 255, 255), -1)
    image[:, :, 1] = np.where(image[:, :, 1] > 0, 230, 0)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ocr_folder(tmp_path_factory.mktemp("ocr"), CHARACTERS)


@pytest.fixture(scope="module")
def worker(folder: Path):
    one = PaddleWorker(folder, MODEL)
    yield one
    one.close()


REFERENCE = """
import json, sys
import numpy as np
from paddleocr import TextDetection, TextRecognition
folder, image = sys.argv[1], np.load(sys.argv[2])
det = TextDetection(model_name="PP-OCRv5_mobile_det", model_dir=folder + "/det", device="cpu", enable_mkldnn=False)
rec = TextRecognition(model_name="PP-OCRv5_mobile_rec", model_dir=folder + "/rec", device="cpu", enable_mkldnn=False)
found = det.predict(image, limit_side_len=400, limit_type="max")[0]
crops = [image[20:50, 30:330], image[100:140, 60:200]]
read = [(row["rec_text"], float(row["rec_score"])) for row in rec.predict(crops, batch_size=2)]
polys = [np.asarray(p).tolist() for p in found["dt_polys"]]
print("RESULT" + json.dumps([polys, [float(s) for s in found["dt_scores"]], read]))
"""


def test_lines_are_those_of_paddleocr(folder: Path, worker: PaddleWorker, tmp_path: Path) -> None:
    image = page()
    np.save(tmp_path / "page.npy", image)
    command = [sys.executable, "-c", REFERENCE, str(folder), str(tmp_path / "page.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=250)
    polys, scores, read = json.loads(done.stdout.split("RESULT")[1])
    found = PaddleDetector(worker).detect(image, side=960)
    assert len(found) == len(polys) == 2
    ours = sorted((round(q.score, 4), q.corners.mean(axis=0).tolist()) for q in found)
    theirs = sorted((round(s, 4), np.mean(p, axis=0).tolist()) for s, p in zip(scores, polys, strict=True))
    for (a, centre), (b, expected) in zip(ours, theirs, strict=True):
        assert a == pytest.approx(b, abs=1e-3)
        np.testing.assert_allclose(centre, expected, atol=1.0)
    lines = PaddleRecognizer(worker).read([image[20:50, 30:330], image[100:140, 60:200]])
    assert [one.text for one in lines] == [text for text, _ in read]
    assert [one.score for one in lines] == pytest.approx([score for _, score in read], abs=1e-4)
    assert PaddleRecognizer(worker).read([]) == []


ASKING = """
import sys
from pathlib import Path
import numpy as np
from models.paddle.ocr import PaddleDetector, PaddleWorker
worker = PaddleWorker(Path(sys.argv[1]), sys.argv[2])
PaddleDetector(worker).detect(np.zeros((64, 64, 3), np.uint8))
worker.close()
print("paddle" in sys.modules)
"""


def test_the_asking_process_does_not_load_paddle(folder: Path) -> None:
    command = [sys.executable, "-c", ASKING, str(folder), MODEL]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=250)
    assert done.stdout.split() == ["False"]


def test_a_bad_picture_costs_itself_only(worker: PaddleWorker) -> None:
    with pytest.raises(ModelError, match="^PaddleOCR: ") as error:
        worker.ask("read", [np.zeros((0, 0, 3), np.uint8)])
    assert "\n" not in str(error.value)
    assert PaddleDetector(worker).detect(page())


def waiting_bytes(worker: PaddleWorker) -> int:
    """Bytes that the worker was sent and has not read."""
    count = array.array("i", [0])
    fcntl.ioctl(worker._process.stdin.fileno(), termios.FIONREAD, count)
    return count[0]


def test_a_worker_that_dies_over_a_picture_is_said_and_started_again(folder: Path) -> None:
    worker = PaddleWorker(folder, MODEL)
    os.kill(worker._process.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(worker.ask, "read", [page()])
        while not waiting_bytes(worker):
            time.sleep(0.01)
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(ModelError, match="worker process of PaddleOCR ended with code -9"):
            asked.result()
    assert PaddleDetector(worker).detect(page())
    worker.close()


def test_wrong_folders_give_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no det/inference.yml: expected an inference model"):
        PaddleWorker(tmp_path, MODEL)
    with pytest.raises(ModelError, match="cannot be loaded as PP-OCRv5_server") as error:
        PaddleWorker(folder, "PP-OCRv5_server")
    assert "\n" not in str(error.value)


def test_the_stage_emits_lines(folder: Path, tmp_path: Path) -> None:
    choice = {"adapter": "paddleocr", "model": MODEL, "weights": str(folder), "min_score": 0}
    stage = build_stages(config={"device": "cpu", "stages": {"text": choice}}, only=["text"])[0]
    store = Store(tmp_path / "home")
    stage.check(store)
    stage.setup(store)
    image = page()
    found = stage.run(Clip.from_arrays(frames=[(t / 2, image) for t in range(4)]), SignalSet())
    assert all(
        one.kind == "text.line" and one.source.startswith("paddleocr:PP-OCRv5_mobile@") for one in found
    )
    assert all(set(str(one.value)) <= set(CHARACTERS) | {" "} for one in found)
    stage.close()
    with pytest.raises(RuntimeError, match="before setup"):
        stage.run(Clip.from_arrays(frames=[(0.0, image)]), SignalSet())
