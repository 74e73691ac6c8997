"""Known voices: enrolled from recordings, found again, named in signals, forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mmu.cli import main
from mmu.errors import ConfigError, StoreError
from mmu.gallery.voices import Listener, VoiceGallery, enrol, name_speakers
from mmu.signals import Signal, SignalSet, Span
from models.store import Store

RATE = 16000


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener(Store())


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A man, a woman, both one after the other, and nobody."""
    folder = tmp_path_factory.mktemp("voices")
    man, woman = (
        soundfile.read(Store().file("sample-media", f"speech_{n}.wav"), dtype="float32")[0] for n in (1, 2)
    )
    sounds = {
        "man": man[: man.size * 2 // 3],
        "woman": woman,
        "both": np.concatenate([man[man.size // 3 :], np.zeros(RATE // 2, np.float32), woman]),
        "nobody": np.zeros(RATE * 2, np.float32),
        "word": man[: RATE // 2],
    }
    for name, samples in sounds.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    return {name: folder / f"{name}.wav" for name in sounds}


def speaker(name: str, vector: np.ndarray) -> Signal:
    return Signal(
        "speech.speaker", name, 0.9, Span(0, 1), "test", embedding=vector.astype(np.float16), id=name
    )


def test_the_nearer_of_two_speakers_has_the_name(tmp_path: Path) -> None:
    axis = np.eye(192, dtype=np.float32)
    with VoiceGallery(tmp_path / "voices.sqlite") as gallery:
        gallery.add("Ann", axis[0], photo="ann.wav", sha256="0")
        known = gallery.snapshot()
    near, nearest, far = axis[0] + 0.8 * axis[1], axis[0] + 0.1 * axis[1], axis[5]
    named = name_speakers(SignalSet([speaker("a", near), speaker("b", nearest), speaker("c", far)]), known)
    assert [one.attributes.get("name") for one in named] == [None, "Ann", None]
    assert named.get("b").attributes["match"] == pytest.approx(0.995, abs=0.002)


def test_a_gallery_of_faces_is_not_one_of_voices(tmp_path: Path) -> None:
    from mmu.gallery.store import Gallery

    with Gallery(tmp_path / "people.sqlite"):
        pass
    with pytest.raises(StoreError, match="sface"):
        VoiceGallery(tmp_path / "people.sqlite")
    with pytest.raises(StoreError, match="mmu voices add"):
        VoiceGallery(tmp_path / "none.sqlite", create=False)


@pytest.mark.weights
def test_a_voice_is_found_again_and_another_is_unknown(
    tmp_path: Path, listener: Listener, recordings: dict[str, Path]
) -> None:
    with VoiceGallery(tmp_path / "voices.sqlite") as gallery:
        assert enrol(gallery, "Him", str(recordings["man"]), listener).added
        assert not enrol(gallery, "Him", str(recordings["man"]), listener).added
        _, found = listener.speakers(str(recordings["both"]))
        named = name_speakers(SignalSet(found), gallery.snapshot())
    names = {one.attributes["gender"]: one.attributes.get("name") for one in named}
    assert names == {"male": "Him", "female": None}


@pytest.mark.weights
@pytest.mark.parametrize(
    ("name", "message"),
    [("both", "2 voices"), ("nobody", "nobody speaks"), ("word", "of speech|nobody")],
)
def test_what_cannot_be_enrolled(
    tmp_path: Path, listener: Listener, recordings: dict[str, Path], name: str, message: str
) -> None:
    with (
        VoiceGallery(tmp_path / "voices.sqlite") as gallery,
        pytest.raises(ConfigError, match=message),
    ):
        enrol(gallery, "X", str(recordings[name]), listener)


@pytest.mark.weights
def test_commands(tmp_path: Path, recordings: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--gallery", str(tmp_path / "voices.sqlite")]
    assert main(["voices", "list", *place]) == 2
    assert main(["voices", "add", "Her", str(recordings["woman"]), str(recordings["nobody"]), *place]) == 1
    assert "nobody speaks" in capsys.readouterr().err
    assert main(["voices", "list", *place]) == 0
    assert capsys.readouterr().out == "Her\t1\twoman.wav\n"
    assert main(["voices", "find", str(recordings["both"]), *place]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert sorted(line.split("\t")[0] for line in printed) == ["Her", "unknown"]
    (stranger,) = [line.split("\t")[1] for line in printed if line.startswith("unknown")]
    assert re.fullmatch(r"\(nearest Her -?0\.\d\d, needs 0\.50\)", stranger)
    assert main(["voices", "find", "nobody-here", *place]) == 2
    assert main(["voices", "remove", "Her", *place]) == 0
    assert main(["voices", "remove", "Her", *place]) == 2
    assert main(["voices", "add", "Her", str(tmp_path / "missing.wav"), *place]) == 1
