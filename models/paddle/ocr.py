"""PaddleOCR's text detection and recognition, with the interface of `models.ppocr`.

PP-OCRv5 (C. Cui et al., "PaddleOCR 3.0 Technical Report", 2025) as inference models: folders with
`inference.json` (or `.pdmodel`), `inference.pdiparams` and `inference.yml`, which holds how pictures are
prepared and the dictionary.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelError
from models.paddle.wire import receive, send
from models.ppocr import Image, Quad, Reading, clockwise


class PaddleWorker:
    """One worker process with both networks; safe to call from several threads."""

    def __init__(
        self, folder: Path, model: str, *, device: str = "cpu", batch: int = 8, threads: int = 1
    ) -> None:
        """Start the process and wait until its networks are loaded.

        Args:
            folder: holds `det/` and `rec/`.
            model: the family, as `PP-OCRv5_server`.
            device: cpu, gpu or gpu:N.
            batch: lines read at a time.
            threads: CPU threads.

        Raises:
            ModelError: a folder is not there, PaddleOCR is missing, or it refuses the networks.
        """
        self.model = model
        for part in ("det", "rec"):
            if not (folder / part / "inference.yml").is_file():
                raise ModelError(
                    f"{folder} holds no {part}/inference.yml: expected an inference model of PaddleOCR"
                )
        self._folder = folder
        self._arguments = [str(folder / "det"), str(folder / "rec"), model, device, str(batch), str(threads)]
        self._lock = threading.Lock()
        self._start()

    def _start(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "models.paddle.worker", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        state, why = self._receive()
        if state != "ready":
            self.close()
            raise ModelError(f"{self._folder} cannot be loaded as {self.model}: {why}")

    def ask(self, task: str, data: Any, **options: Any) -> Any:
        """The worker's answer to a task; a process that died is started again at the next one.

        Raises:
            ModelError: it failed, or the process died over it.
        """
        with self._lock:
            if self._process.poll() is not None:
                self.close()
                self._start()
            assert self._process.stdin is not None
            try:
                send(self._process.stdin, (task, data, options))
            except OSError as error:
                raise ModelError(self._death()) from error
            state, answer = self._receive()
        if state != "ok":
            raise ModelError(f"PaddleOCR: {answer}")
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # what it was not told when it died
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _receive(self) -> tuple[str, Any]:
        assert self._process.stdout is not None
        try:
            state, answer = receive(self._process.stdout)
        except EOFError as error:
            raise ModelError(self._death()) from error
        return state, answer

    def _death(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = [line for line in self._errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
        last = lines[-1][:300] if lines else "it said nothing"
        return f"the worker process of PaddleOCR ended with code {code}: {last}"


class PaddleDetector:
    """Where text lines are; see `models.ppocr.TextDetector`."""

    def __init__(self, worker: PaddleWorker) -> None:
        self._worker = worker

    def detect(self, image: Image, *, side: int = 960) -> list[Quad]:
        """Lines in a (h, w, 3) uint8 BGR picture, corners in its pixels; its long side is at most `side`."""
        height, width = image.shape[:2]
        corners, scores = self._worker.ask("detect", image, limit_side_len=min(side, max(height, width)))
        limit = np.array([width, height], np.float32)
        return [
            Quad(clockwise(np.clip(np.asarray(one, np.float32).reshape(4, 2), 0, limit)), float(score))
            for one, score in zip(corners, scores, strict=True)
        ]


class PaddleRecognizer:
    """What a line says; see `models.ppocr.TextRecognizer`."""

    def __init__(self, worker: PaddleWorker) -> None:
        self._worker = worker

    def read(self, lines: Sequence[Image], *, batch: int = 6) -> list[Reading]:
        """Read upright line pictures ((h, w, 3) uint8 BGR); the result is in their order."""
        if not lines:
            return []
        return [Reading(text, min(1.0, score)) for text, score in self._worker.ask("read", list(lines))]
