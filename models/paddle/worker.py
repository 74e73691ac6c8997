"""The worker process: loads PaddleOCR's detection and recognition, and answers until its input ends.

    python -m models.paddle.worker DET_DIR REC_DIR NAME DEVICE BATCH THREADS

Whatever the libraries print goes to standard error; standard output carries messages only.
"""

from __future__ import annotations

import os
import sys
from typing import IO, Any

from models.paddle.wire import receive, send


def main(arguments: list[str]) -> int:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    detector_folder, recogniser_folder, name, device, batch, threads = arguments
    os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from paddleocr import TextDetection, TextRecognition

        common = {"device": device, "cpu_threads": int(threads), "enable_mkldnn": False}
        detector = TextDetection(model_name=f"{name}_det", model_dir=detector_folder, **common)
        recogniser = TextRecognition(model_name=f"{name}_rec", model_dir=recogniser_folder, **common)
    except Exception as error:  # any of three libraries, each with errors of its own
        send(answers, ("error", _line(error)))
        return 1
    send(answers, ("ready", ""))
    _serve(sys.stdin.buffer, answers, detector, recogniser, int(batch))
    return 0


def _serve(questions: IO[bytes], answers: IO[bytes], detector: Any, recogniser: Any, batch: int) -> None:
    while True:
        try:
            task, data, options = receive(questions)
        except EOFError:
            return
        try:
            if task == "detect":
                found = detector.predict(data, limit_type="max", **options)[0]
                send(answers, ("ok", (found["dt_polys"], found["dt_scores"])))
            else:
                rows = recogniser.predict(list(data), batch_size=batch)
                send(answers, ("ok", [(str(row["rec_text"]), float(row["rec_score"])) for row in rows]))
        except Exception as error:  # whatever a network makes of odd content must cost this picture only
            send(answers, ("error", _line(error)))


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
