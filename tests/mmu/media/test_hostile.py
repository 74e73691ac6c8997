"""Broken and hostile files: one clear outcome each, and this process unharmed."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmu.errors import MediaError
from mmu.media import ClipError, DecodeOptions, open_clip
from mmu.media.process import Patience


def refusal(path: Path, **options: Any) -> MediaError:
    with pytest.raises(MediaError) as caught:
        open_clip(path, options=DecodeOptions(**options))
    assert str(path) in str(caught.value)
    return caught.value


def children() -> list[int]:
    """Decode workers of this process; what other tests have started in it (a browser, a server) is theirs."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        found += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in found if b"mmu.media.worker" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return b""


def png(width: int, height: int, *, rows: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(bytes(3 * width + 1)) for _ in range(rows)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_empty_and_absent(tmp_path: Path) -> None:
    (tmp_path / "empty.webm").touch()
    error = refusal(tmp_path / "empty.webm")
    assert error.code == "empty_file"
    assert "empty" in str(error)
    assert refusal(tmp_path / "absent.mp4").code == "not_found"
    assert refusal(tmp_path).code == "not_a_file"


def test_text_and_noise(tmp_path: Path) -> None:
    path = tmp_path / "letter.mp4"
    path.write_text("Dear reader,\nthis is no video. 你好\n" * 40, encoding="utf-8")
    error = refusal(path)
    assert error.code == "not_media"
    assert "text file" in str(error)
    assert isinstance(error, ClipError)
    assert len(error.sha256) == 64
    path.write_bytes(np.random.default_rng(0).bytes(4000))
    assert refusal(path).code == "not_media"


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ffconcat"])
def test_playlists_lead_nowhere(tmp_path: Path, two_shots: Path, name: str) -> None:
    path = tmp_path / name
    text = f"ffconcat version 1.0\nfile {two_shots}\n"
    if name != "list.ffconcat":
        text = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{two_shots}\n#EXT-X-ENDLIST\n"
    path.write_text(text)
    assert refusal(path).code == "not_media"


def test_truncated(tmp_path: Path, two_shots: Path, make_video: Any, make_texture: Any) -> None:
    data = two_shots.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    with open_clip(tmp_path / "cut.mkv") as clip:
        assert "truncated" in [e.code for e in clip.errors]
        assert 0.5 < clip.duration < 3.5
        assert len(clip.times) > 1
    whole = make_video(tmp_path / "whole.mp4", ((i / 25, make_texture(i)) for i in range(25)))
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:-200])  # the index is at the end
    error = refusal(tmp_path / "cut.mp4")
    assert error.code == "truncated"
    assert "moov" in str(error)


def test_damaged_bytes(tmp_path: Path, two_shots: Path) -> None:
    data = bytearray(two_shots.read_bytes())
    for at in np.random.default_rng(1).integers(len(data) // 4, len(data), 400):
        data[at] ^= 0xFF
    (tmp_path / "damaged.mkv").write_bytes(data)
    with open_clip(tmp_path / "damaged.mkv") as clip:
        assert clip.errors
        assert all(e.where == "media" and e.message for e in clip.errors)


def test_sound_without_samples(tmp_path: Path, make_wav: Any) -> None:
    error = refusal(make_wav(tmp_path / "silent.wav", np.zeros(0, np.float32), 16000))
    assert error.code == "no_samples"
    assert "empty" in str(error)


def test_pixel_bomb_is_refused_by_its_header(tmp_path: Path, two_shots: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png(100_000, 100_000))
    error = refusal(tmp_path / "bomb.png")
    assert error.code == "too_many_pixels"
    assert "100000 x 100000" in str(error)
    with open_clip(two_shots, options=DecodeOptions(max_pixels=1024)) as clip:  # the sound is still good
        assert not clip.has_video
        assert [e.code for e in clip.errors] == ["too_many_pixels"]


def test_memory_limit(tmp_path: Path) -> None:
    (tmp_path / "wide.png").write_bytes(png(14_000, 14_000, rows=14_000))
    assert refusal(tmp_path / "wide.png", memory_mb=768, max_pixels=400_000_000).code == "out_of_memory"


def test_wall_time(long_video: Path) -> None:
    assert refusal(long_video, wall_seconds=0.1).code == "timeout"
    assert not children()


def test_a_hang_keeps_what_was_decoded(long_video: Path) -> None:
    seen: list[float] = []

    def hang(seconds: float) -> None:
        seen.append(seconds)
        for pid in children():
            os.kill(pid, signal.SIGSTOP)

    with open_clip(long_video, options=DecodeOptions(stall_seconds=2), on_progress=hang) as clip:
        assert [e.code for e in clip.errors] == ["stalled"]
        assert clip.duration == pytest.approx(seen[-1], abs=0.2)
        assert clip.frame(len(clip.times) - 1).image.any()
        assert clip.duration < 3000
    assert not children()


def test_an_error_of_the_caller_leaves_no_worker(long_video: Path) -> None:
    def fail(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_clip(long_video, on_progress=fail)
    assert not children()


def test_processor_time(long_video: Path) -> None:
    try:
        with open_clip(long_video, options=DecodeOptions(cpu_seconds=1)) as clip:
            codes = [e.code for e in clip.errors]
            assert clip.duration < 3000
    except MediaError as error:  # stopped before it had anything to show
        codes = [error.code]
    assert codes == ["cpu_limit"]


def test_killed_worker(long_video: Path) -> None:
    def kill(_seconds: float) -> None:
        for pid in children():
            os.kill(pid, signal.SIGKILL)

    with open_clip(long_video, on_progress=kill) as clip:
        assert [e.code for e in clip.errors] == ["decoder_killed"]
        assert len(list(clip.frames())) == len(clip.times) > 1


_MEASURE = """
import resource, sys
from mmu.media import DecodeOptions, open_clip
for seconds in (60.0, 600.0):
    options = DecodeOptions(max_seconds=seconds, max_frames=100, wall_seconds=120)
    with open_clip(sys.argv[1], options=options) as clip:
        assert clip.duration > seconds - 1, clip.duration
        assert len(clip.times) <= 100
        for frame in clip.frames():
            pass
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(*peaks)
"""


def test_memory_does_not_grow_with_length(long_video: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(long_video)], capture_output=True, text=True, check=True
    )
    short, long = (np.array(line.split(), float) for line in run.stdout.splitlines())
    assert np.all(long <= 1.1 * short), (short, long)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be kept to one processor")
def test_waiting_for_a_processor_is_no_hang() -> None:
    core = min(os.sched_getaffinity(0))
    keep = f"import os; os.sched_setaffinity(0, {{{core}}})\nprint(flush=True)\nwhile True: pass"
    busy = [subprocess.Popen([sys.executable, "-c", keep], stdout=subprocess.PIPE) for _ in range(4)]
    try:
        for process in busy:
            assert process.stdout is not None
            process.stdout.readline()
        began = time.monotonic()
        patience = Patience(busy[0].pid, 100.0)
        time.sleep(2)
        # A quarter of the time is its own, or less where the machine has other work.
        assert 100.0 - patience.left() < 0.6 * (time.monotonic() - began)
        os.kill(busy[0].pid, signal.SIGSTOP)
        began = time.monotonic()
        patience.renew()
        time.sleep(0.5)
        assert 100.0 - patience.left() > 0.8 * (time.monotonic() - began)
    finally:
        for process in busy:
            process.kill()
            process.communicate()
