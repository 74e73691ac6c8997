"""`open_clip` on files whose contents are known: times, sizes, colours, sound, limits of form."""

from __future__ import annotations

import hashlib
import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from mmu.errors import ConfigError, MediaError
from mmu.media import DecodeOptions, open_clip

NO_SOUND: frozenset[int] = frozenset()


def test_facts_frames_and_sound(two_shots: Path, make_texture: Any) -> None:
    with open_clip(two_shots) as clip:
        assert clip.errors == []
        assert clip.sha256 == hashlib.sha256(two_shots.read_bytes()).hexdigest()
        assert (clip.has_video, clip.has_audio, clip.still) == (True, True, False)
        assert clip.duration == pytest.approx(4.0, abs=0.05)
        assert clip.facts.video is not None
        assert (clip.facts.video.width, clip.facts.video.height) == (160, 120)
        assert clip.facts.video.frames_decoded == len(clip.dense) == 100
        assert clip.cuts == pytest.approx([2.0], abs=0.001)
        assert np.all(np.diff(clip.times) > 0)
        assert np.max(np.diff(clip.times)) <= 0.55
        assert clip.change[0] == 1.0
        before, after = clip.frame(clip.nearest(1.0)), clip.frame(clip.nearest(3.0))
        for frame, seed in ((before, 1), (after, 2)):
            assert frame.image.shape == (120, 160, 3)
            assert np.abs(frame.image.astype(int) - make_texture(seed)).mean() < 12
        assert [f.index for f in clip.frames()] == list(range(len(clip.times)))


def test_spool_is_removed(two_shots: Path, tmp_path: Path) -> None:
    clip = open_clip(two_shots, options=DecodeOptions(temp_dir=str(tmp_path)))
    assert list(tmp_path.glob("*/clip-*"))
    clip.close()
    assert not list(tmp_path.glob("*/clip-*"))
    with pytest.raises(MediaError, match="closed"):
        clip.frame(0)
    with pytest.raises(MediaError):
        open_clip(tmp_path / "absent.mp4", options=DecodeOptions(temp_dir=str(tmp_path)))
    assert not list(tmp_path.glob("*/clip-*"))


def test_audio_rates_windows_and_level(two_shots: Path) -> None:
    with open_clip(two_shots) as clip:
        mono, stereo = clip.audio(16000), clip.audio(44100)
        assert mono.dtype == stereo.dtype == np.float32
        assert mono.shape == (64000,)
        assert stereo.shape == pytest.approx((176400, 2), abs=64)
        # A sine of 0.5 has this level; the tone is 440 Hz at either rate.
        assert np.sqrt(np.mean(mono**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
        for samples, rate in ((mono, 16000), (stereo[:, 0], 44100)):
            spectrum = np.abs(np.fft.rfft(samples[:rate]))
            assert abs(int(spectrum.argmax()) - 440) <= 1
        windows = list(clip.audio_windows(16000, seconds=1.5))
        assert [w.start for w in windows] == [0.0, 1.5, 3.0]
        assert np.array_equal(np.concatenate([w.samples for w in windows]), mono)
        assert np.array_equal(clip.audio(16000, 1.0, 2.0), mono[16000:32000])


def test_only_the_rates_asked_for(two_shots: Path) -> None:
    with (
        open_clip(two_shots, audio_rates=frozenset({16000})) as clip,
        pytest.raises(MediaError, match="was not asked for"),
    ):
        clip.audio(44100)
    with pytest.raises(ConfigError, match="supported rates are 16000, 44100"):
        open_clip(two_shots, audio_rates=frozenset({8000}))


def test_variable_frame_rate(tmp_path: Path, make_video: Any, make_texture: Any) -> None:
    times = [0.0, 0.04, 0.5, 0.54, 2.0, 2.9, 2.94]
    path = make_video(tmp_path / "vfr.mkv", ((t, make_texture(i)) for i, t in enumerate(times)))
    with open_clip(path) as clip:
        assert clip.dense.times == pytest.approx(times, abs=0.002)
        assert clip.duration == pytest.approx(2.98, abs=0.03)


def test_start_that_is_not_zero(tmp_path: Path, make_video: Any, make_texture: Any) -> None:
    frames = ((7.5 + i / 25, make_texture(1)) for i in range(25))
    with open_clip(make_video(tmp_path / "late.mkv", frames)) as clip:
        assert clip.facts.start == pytest.approx(7.5, abs=0.001)
        assert clip.dense.times[0] == clip.times[0] == 0.0
        assert clip.duration == pytest.approx(1.0, abs=0.01)


def test_sound_that_begins_later(tmp_path: Path, make_video: Any, make_texture: Any, make_tone: Any) -> None:
    path = make_video(
        tmp_path / "lag.mkv",
        ((i / 25, make_texture(1)) for i in range(50)),
        sound=make_tone(1, 16000),
        sound_start=1.0,
    )
    with open_clip(path) as clip:
        assert np.abs(clip.audio(16000, 0, 0.99)).max() == 0
        assert np.abs(clip.audio(16000, 1.01, 1.9)).max() > 0.45


@pytest.mark.parametrize(
    ("matrix", "clockwise"), [((0, 1, -1, 0), 90), ((-1, 0, 0, -1), 180), ((0, -1, 1, 0), 270)]
)
def test_rotation_of_the_display_matrix(
    tmp_path: Path, make_video: Any, make_texture: Any, matrix: tuple[int, int, int, int], clockwise: int
) -> None:
    image = make_texture(5)
    path = make_video(tmp_path / "turned.mp4", ((i / 25, image) for i in range(5)), base=Fraction(1, 25))
    a, b, c, d = (v * 65536 for v in matrix)
    upright = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    data = path.read_bytes()
    head = data.index(b"tkhd")
    at = data.index(upright, head)
    path.write_bytes(data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :])
    with open_clip(path) as clip:
        video = clip.facts.video
        assert video is not None
        assert video.rotation == clockwise
        turned = np.rot90(image, -clockwise // 90)
        assert (video.width, video.height) == turned.shape[1::-1]
        assert np.abs(clip.frame(0).image.astype(int) - turned).mean() < 12


def test_ten_bit_range(tmp_path: Path, make_video: Any) -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 48, axis=0).repeat(3, axis=2)
    path = make_video(tmp_path / "deep.mkv", [(0.0, ramp), (0.04, ramp)], codec="ffv1", layout="yuv420p10le")
    with open_clip(path) as clip:
        assert clip.facts.video is not None
        assert clip.facts.video.bit_depth == 10
        assert np.abs(clip.frame(0).image.astype(int) - ramp).max() <= 4


def test_hdr_is_brought_to_the_range_of_a_screen() -> None:
    from av.video.reformatter import ColorTrc

    from mmu.media.picture import ToneMap

    grey = np.repeat(np.linspace(0, 65535, 256).astype(np.uint16)[None, :, None], 3, axis=2)
    for trc in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67):
        out = ToneMap(int(trc), wide=True)(grey)[0].astype(int)
        assert out[0].tolist() == [0, 0, 0]
        assert out[-1].min() >= 250
        assert np.all(np.diff(out[:, 1]) >= 0)
        assert np.ptp(out, axis=1).max() <= 3  # grey stays grey
    # 58 % PQ is the white of an SDR picture (203 cd/m²).
    assert 200 <= ToneMap(int(ColorTrc.SMPTE2084), wide=False)(grey)[0, 148, 0] <= 245


def test_odd_size(tmp_path: Path, make_video: Any) -> None:
    image = np.random.default_rng(0).integers(0, 255, (17, 31, 3), np.uint8)
    path = make_video(tmp_path / "odd.mkv", [(0.0, image), (0.04, image)], codec="ffv1", layout="bgr0")
    with open_clip(path) as clip:
        assert clip.frame(0).image.shape == (17, 31, 3)
        assert np.abs(clip.frame(0).image.astype(int) - image).max() <= 2


def test_large_frames_are_scaled(tmp_path: Path, make_video: Any, make_texture: Any) -> None:
    frames = [(i / 25, make_texture(1, 640, 360)) for i in range(3)]
    path = make_video(tmp_path / "wide.mkv", frames)
    with open_clip(path, options=DecodeOptions(max_side=320)) as clip:
        assert clip.frame(0).image.shape == (180, 320, 3)
        assert clip.scale == 2.0


def test_no_picture(tmp_path: Path, make_wav: Any, make_tone: Any) -> None:
    with open_clip(make_wav(tmp_path / "tone.wav", make_tone(1.5, 22050), 22050)) as clip:
        assert (clip.has_video, clip.has_audio) == (False, True)
        assert clip.duration == pytest.approx(1.5, abs=0.01)
        assert len(clip.times) == len(clip.dense) == 0
        assert clip.audio(16000).shape == pytest.approx((24000,), abs=8)


def test_the_larger_of_two_videos(tmp_path: Path, make_video: Any, make_texture: Any) -> None:
    path = make_video(
        tmp_path / "two.mkv", ((i / 25, make_texture(1)) for i in range(10)), poster=make_texture(2, 80, 60)
    )
    with open_clip(path) as clip:
        assert clip.facts.video is not None
        assert (clip.facts.video.width, clip.facts.video.height) == (160, 120)


def test_gif_and_animated_webp(tmp_path: Path, make_texture: Any) -> None:
    pictures = [Image.fromarray(make_texture(seed)[..., ::-1]) for seed in range(4)]
    for name in ("a.gif", "a.webp"):
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=500)
        with open_clip(tmp_path / name) as clip:
            assert (clip.still, clip.has_video, clip.has_audio) == (False, True, False)
            assert clip.duration == pytest.approx(2.0, abs=0.02)
            assert clip.times == pytest.approx([0, 0.5, 1.0, 1.5], abs=0.02)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tiff", "a.avif", "a.gif"])
def test_stills(tmp_path: Path, make_texture: Any, name: str) -> None:
    image = make_texture(4)
    Image.fromarray(image[..., ::-1]).save(tmp_path / name, **({"quality": 95} if name != "a.tiff" else {}))
    with open_clip(tmp_path / name) as clip:
        assert clip.still
        assert clip.duration == 0.0
        assert len(clip.times) == 1
        assert np.abs(clip.frame(0).image.astype(int) - image).mean() < 12


def test_exif_orientation_and_transparency(tmp_path: Path, make_texture: Any) -> None:
    image = make_texture(4)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(image[..., ::-1]).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    with open_clip(tmp_path / "turned.jpg") as clip:
        assert clip.facts.video is not None
        assert clip.facts.video.rotation == 90
        turned = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
        assert np.abs(clip.frame(0).image.astype(int) - turned).mean() < 12
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    with open_clip(tmp_path / "clear.png") as clip:
        assert np.all(clip.frame(0).image == 255)


def test_file_object(two_shots: Path) -> None:
    with open_clip(io.BytesIO(two_shots.read_bytes()), options=DecodeOptions(keyframes_only=True)) as clip:
        assert clip.facts.uri == "<file object>"
        assert 2 <= len(clip.dense) <= 10
        assert clip.duration == pytest.approx(4.0, abs=0.05)


def test_only_the_first_seconds(two_shots: Path) -> None:
    with open_clip(two_shots, options=DecodeOptions(max_seconds=1.0)) as clip:
        assert clip.duration == pytest.approx(1.0, abs=0.11)
        assert [e.code for e in clip.errors] == ["max_seconds"]


def test_options_name_the_allowed_range() -> None:
    with pytest.raises(ConfigError, match=r"interval=0 .* 0.04 to 60"):
        DecodeOptions(interval=0)
    with pytest.raises(ConfigError, match="direct, never, always"):
        DecodeOptions(private_hosts="maybe")  # type: ignore[arg-type]
