"""Decoding on a GPU: the option's way to the worker, what is said without one, frames as a GPU gives them.

No test here needs a GPU; those about its absence do not run where there is one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.video.reformatter import Colorspace, ColorTrc

from mmu.analyzer import Analyzer
from mmu.errors import ConfigError
from mmu.media import ClipError, DecodeOptions, open_clip
from mmu.media.decode import Pass
from mmu.media.hardware import Device, check_device, find_device
from mmu.media.picture import Converter
from mmu.media.streams import DecodeError
from mmu.networks import load_networks


def has_gpu() -> bool:
    try:
        return find_device("cuda").accelerator is not None
    except DecodeError:
        return False


without_gpu = pytest.mark.skipif(has_gpu(), reason="this machine has a GPU that decodes")
with_cuda_build = pytest.mark.skipif(
    "cuda" not in hwdevices_available(), reason="FFmpeg of this PyAV is built without CUDA"
)


def decode(
    path: Path, folder: Path, device: Device, capsys: pytest.CaptureFixture[str]
) -> tuple[dict[str, Any], bytes, bytes]:
    """The last state of one pass in this process, the spooled pictures, the statistics of all frames."""
    folder.mkdir()
    options = DecodeOptions().to_json()
    Pass(
        {
            "path": str(path),
            "suffix": path.suffix,
            "folder": str(folder),
            "options": options,
            "rates": [],
            "pictures": True,
        },
        device,
    ).run()
    state = json.loads(capsys.readouterr().out.splitlines()[-1])
    return state, (folder / "frames.bgr").read_bytes(), (folder / "dense.f64").read_bytes()


@without_gpu
def test_a_gpu_that_is_not_there(two_shots: Path) -> None:
    with pytest.raises(ClipError, match=r"decode: cuda:3: .*(NVIDIA driver|without CUDA)") as caught:
        open_clip(two_shots, options=DecodeOptions(device="cuda:3"))
    assert caught.value.code == "no_device"
    with pytest.raises(ConfigError, match=r"^decode: cuda:0: "):
        check_device("cuda")


@without_gpu
def test_auto_decodes_on_the_cpu_and_says_so(two_shots: Path) -> None:
    with (
        open_clip(two_shots) as plain,
        open_clip(two_shots, options=DecodeOptions(device="auto")) as clip,
    ):
        assert plain.facts.notes == []
        (note,) = clip.facts.notes
        assert note.startswith("pictures decoded on the CPU: cuda:0: ")
        assert clip.errors == []
        assert clip.times.tolist() == plain.times.tolist()
        assert clip.facts.video == plain.facts.video
        for one, other in zip(clip.frames(), plain.frames(), strict=True):
            assert np.array_equal(one.image, other.image)


@without_gpu
def test_sound_has_no_note_about_pictures(tmp_path: Path, make_wav: Any, make_tone: Any) -> None:
    path = make_wav(tmp_path / "a.wav", make_tone(1, 16000), 16000)
    with open_clip(path, options=DecodeOptions(device="auto")) as clip:
        assert clip.facts.notes == []


@with_cuda_build
def test_a_codec_that_no_gpu_has_is_decoded_on_the_cpu(
    tmp_path: Path, make_video: Any, make_texture: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_video(tmp_path / "a.mkv", [(i / 25, make_texture(i)) for i in range(5)], codec="ffv1")
    accelerated = decode(path, tmp_path / "a", Device("cuda:0", HWAccel("cuda")), capsys)
    plain = decode(path, tmp_path / "b", Device("cpu", None), capsys)
    assert accelerated[0]["facts"]["notes"] == ["pictures decoded on the CPU: cuda:0 cannot decode this ffv1"]
    assert plain[0]["facts"]["notes"] == []
    assert accelerated[1:] == plain[1:]
    assert accelerated[0]["pictures"] == plain[0]["pictures"]


@with_cuda_build
def test_a_gpu_that_takes_no_further_stream(
    tmp_path: Path, two_shots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A number that no machine has: opening it fails as it does when another process holds all of the memory.
    full = decode(two_shots, tmp_path / "a", Device("cuda:99", HWAccel("cuda", device="99")), capsys)
    plain = decode(two_shots, tmp_path / "b", Device("cpu", None), capsys)
    assert full[0]["facts"]["notes"] == ["pictures decoded on the CPU: cuda:99: it took no further stream"]
    assert full[0]["errors"] == []
    assert full[1:] == plain[1:]


@with_cuda_build
def test_what_is_no_media_file_stays_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(range(256)) * 8)
    with path.open("rb") as file, pytest.raises(DecodeError) as caught:
        Device("cuda:99", HWAccel("cuda", device="99")).open(file, ".mp4")
    assert caught.value.code == "not_media"


@pytest.mark.parametrize(("software", "hardware"), [("yuv420p", "nv12"), ("yuv420p10le", "p010le")])
@pytest.mark.parametrize("full_range", [False, True])
def test_frames_as_a_gpu_gives_them_become_those_of_the_cpu(
    make_texture: Any, software: str, hardware: str, full_range: bool
) -> None:
    planes = av.VideoFrame.from_ndarray(make_texture(1), format="bgr24").reformat(format=software)
    planes.pts, planes.time_base = 77, Fraction(1, 25)
    planes.color_range = 2 if full_range else 1
    planes.colorspace = int(Colorspace.ITU709)
    planes.color_trc = int(ColorTrc.SMPTE2084 if "10" in software else ColorTrc.BT709)
    packed = planes.reformat(format=hardware)
    assert packed.format.name == hardware
    frame = Device("cuda:0", HWAccel("cuda")).frame(packed)
    assert frame.format.name == software
    assert np.array_equal(frame.to_ndarray(), planes.to_ndarray())
    for name in ("pts", "time_base", "color_range", "colorspace", "color_trc", "rotation", "is_corrupt"):
        assert getattr(frame, name) == getattr(planes, name), name
    for size in ((160, 120), (80, 60)):
        one, other = (Converter("BICUBIC", 1).bgr(each, size) for each in (planes, frame))
        assert np.array_equal(one, other)
    assert Device("cpu", None).frame(packed) is packed


_LIMITED = """
import mmap, sys
from mmu.media.worker import limit
limit({"memory_mb": 768, "cpu_seconds": 60}, gpu=sys.argv[1] == "gpu")
try:
    mmap.mmap(-1, 8 * 2**30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=0)
    print("reserved")
except OSError:
    print("refused")
try:
    bytearray(2 * 2**30)
    print("allocated")
except MemoryError:
    print("too much")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux counts them")
@pytest.mark.parametrize(("where", "reserving"), [("gpu", "reserved"), ("cpu", "refused")])
def test_with_a_gpu_reserved_addresses_do_not_count_and_data_do(where: str, reserving: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, where], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split("\n")[:2] == [reserving, "too much"]


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cpu:0", "vaapi", ""])
def test_a_wrong_device_names_the_right_ones(device: str) -> None:
    with pytest.raises(ConfigError, match="allowed are auto, cpu, cuda and cuda:N"):
        DecodeOptions(device=device)
    with pytest.raises(ConfigError, match="decode: .*auto, cpu, cuda or cuda:N"):
        load_networks({"decode": device})


@without_gpu
@pytest.mark.weights
def test_the_choice_reaches_the_analyzer_and_its_fingerprint(two_shots: Path) -> None:
    with pytest.raises(ConfigError, match="decode: cuda:1: "):
        Analyzer(only=["shots"], config={"decode": "cuda:1"})
    with Analyzer(only=["shots"]) as plain, Analyzer(only=["shots"], config={"decode": "auto"}) as auto:
        assert plain.fingerprint != auto.fingerprint
        report = auto.analyze(two_shots)
        assert report.media is not None
        assert len(report.media.notes) == 1
        assert report.outcome == "ok"
