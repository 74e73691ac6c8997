from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mmu.media.clip import Clip
from mmu.media.open import open_clip
from mmu.media.provenance import read_marks
from mmu.moderation.decide import decide
from mmu.moderation.policy import load_policy
from mmu.perception.provenance import Provenance
from mmu.signals import SignalSet

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description Iptc4xmpExt:DigitalSourceType='
    b'"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/></x:xmpmeta>'
)


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def jumbf(text: bytes) -> bytes:
    """A JUMBF superbox with a description box `c2pa` and one content box."""
    description = b"jumd" + bytes.fromhex("6332706100110010800000aa00389b71") + b"\x03c2pa\x00"
    content = b"cbor" + text
    boxes = b"".join(struct.pack(">I", len(box) + 4) + box for box in (description, content))
    return struct.pack(">I", len(boxes) + 8) + b"jumb" + boxes


def mp4(path: Path, **metadata: str) -> Path:
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata.update(metadata)
        stream = out.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        for _ in range(5):
            out.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24"))
            )
        out.mux(stream.encode())
    return path


def named(path: Path) -> dict[str, str]:
    return {mark.value: mark.place for mark in read_marks(path)}


def test_jpeg_exif_xmp_and_c2pa(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0131] = "Adobe Firefly"
    picture().save(path, exif=exif, xmp=XMP)
    assert named(path) == {"Adobe Firefly": "exif", "machine-made (IPTC)": "xmp"}
    data = path.read_bytes()
    segment = b"JP\x00\x01\x00\x00\x00\x01" + jumbf(b"claim_generator OpenAI trainedAlgorithmicMedia")
    marked = data[:2] + b"\xff\xeb" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    path.write_bytes(marked)
    assert named(path) == {
        "Adobe Firefly": "exif",
        "machine-made (IPTC)": "xmp",
        "C2PA manifest": "c2pa",
        "DALL-E": "c2pa",
    }
    Image.open(path).load()  # still a picture


def test_png_parameters(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    info = PngInfo()
    info.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7")
    picture().save(path, pnginfo=info)
    (mark,) = read_marks(path)
    assert (mark.value, mark.place) == ("Stable Diffusion", "container")
    assert mark.score >= 0.9


def test_mp4_tags_and_c2pa_box(tmp_path: Path) -> None:
    path = mp4(tmp_path / "a.mp4", comment="Made with KlingAI")
    assert named(path) == {"Kling": "container"}
    plain = mp4(tmp_path / "b.mp4", comment="birthday")
    assert named(plain) == {}
    manifest = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + jumbf(b"c2pa.created")
    with plain.open("ab") as file:
        file.write(struct.pack(">I", len(manifest) + 8) + b"uuid" + manifest)
    (mark,) = read_marks(plain)
    assert (mark.value, mark.place) == ("C2PA manifest", "c2pa")
    assert mark.score < 0.5  # a manifest alone says nothing of machines


def test_ordinary_files(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0110] = "Canon EOS 5D"
    picture().save(path, exif=exif)
    assert read_marks(path) == []
    (tmp_path / "empty").write_bytes(b"")
    assert read_marks(tmp_path / "empty") == []
    with pytest.raises(OSError, match="none"):
        read_marks(tmp_path / "none")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.binary(max_size=200),
    head=st.sampled_from([b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF", b"\0\0\0\x10ftyp"]),
)
def test_any_bytes(tmp_path: Path, data: bytes, head: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(head + data)
    read_marks(path)


def test_stage_and_policy(tmp_path: Path) -> None:
    path = mp4(tmp_path / "a.mp4", comment="Made with KlingAI")
    with open_clip(path) as clip:
        (signal,) = Provenance().run(clip, SignalSet())
    assert (signal.kind, signal.value) == ("media.generator", "Kling")
    assert decide(load_policy(), signals=[signal]).category == "ai_unlabelled"
    # said openly, it is labelled
    assert decide(load_policy(), signals=[signal], title="内容由ai生成").decision == "pass"
    with Clip.from_arrays(frames=[(0.0, np.zeros((8, 8, 3), np.uint8))]) as memory:
        assert Provenance().run(memory, SignalSet()) == []
