"""Packs of InsightFace: the same faces as its own `FaceAnalysis` gives, and as stage `faces`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("insightface")
onnxruntime = pytest.importorskip("onnxruntime")

from insightface.app import FaceAnalysis  # noqa: E402

from mmu.analyzer import Analyzer  # noqa: E402
from mmu.errors import ConfigError  # noqa: E402
from mmu.gallery.store import Gallery  # noqa: E402
from mmu.perception.catalog import build_stages  # noqa: E402
from mmu.signals import SignalSet  # noqa: E402
from models.errors import ModelError  # noqa: E402
from models.insightface_pack import InsightFacePack  # noqa: E402
from models.store import Store  # noqa: E402
from tests.extras.small import face_pack, moving_clip, picture  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return face_pack(tmp_path_factory.mktemp("packs") / "buffalo_l")


def inner(box: np.ndarray) -> bool:
    """Whether something of a box lies in a picture of 320 × 240."""
    x0, y0, x1, y1 = np.clip(box, 0, [320, 240, 320, 240])
    return min(x1 - x0, y1 - y0) >= 1


def test_faces_are_those_of_insightface(folder: Path) -> None:
    image = picture(320, 240)
    app = FaceAnalysis(name=str(folder), providers=["CPUExecutionProvider"])
    app.prepare(ctx_id=-1, det_thresh=0.3, det_size=(320, 320))
    inside = (face for face in app.get(image) if inner(face.bbox))
    expected = sorted(inside, key=lambda face: -face.det_score)
    pack = InsightFacePack(folder, device="cpu", threshold=0.3)
    found = pack.detect(image, long_side=320)
    assert len(found) == len(expected) > 3
    for row, face in list(zip(found, expected, strict=True))[:5]:
        corners = [row[0], row[1], row[0] + row[2], row[1] + row[3]]
        np.testing.assert_allclose(corners, np.clip(face.bbox, 0, [320, 240, 320, 240]), atol=1e-3)
        np.testing.assert_allclose(row[4:14].reshape(5, 2), face.kps, atol=1e-3)
        assert row[14] == pytest.approx(face.det_score, abs=1e-5)
        vector = pack.embed(pack.align(image, row[4:14].reshape(5, 2)))
        np.testing.assert_allclose(vector, face.normed_embedding, atol=1e-4)
        x0, y0, x1, y1 = face.bbox
        read = pack.age_gender(image, (x0, y0, x1 - x0, y1 - y0))
        assert (read.female < 0.5) == (face.gender == 1)
        assert round(read.age) == max(0, face.age)
    assert pack.dimensions == 512


def test_a_detector_of_one_fixed_size(tmp_path: Path) -> None:
    pack = InsightFacePack(face_pack(tmp_path, side=320), device="cpu", threshold=0.3)
    assert len(pack.detect(picture(), long_side=640))


def test_a_pack_without_gender_and_age(tmp_path: Path) -> None:
    pack = InsightFacePack(face_pack(tmp_path, traits=False), device="cpu")
    assert not pack.has_traits
    with pytest.raises(ModelError, match="no network for gender and age"):
        pack.age_gender(picture(), (0, 0, 50, 50))


def test_wrong_folders_give_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no ONNX file: expected an unpacked InsightFace pack"):
        InsightFacePack(tmp_path, device="cpu")
    (tmp_path / "det_10g.onnx").write_bytes(b"<html>")
    with pytest.raises(ModelError, match="cannot be loaded") as error:
        InsightFacePack(tmp_path, device="cpu")
    assert "\n" not in str(error.value)
    partial = face_pack(tmp_path / "partial")
    (partial / "det_10g.onnx").unlink()
    with pytest.raises(ModelError, match="holds no face detector: found genderage.onnx, w600k_r50.onnx"):
        InsightFacePack(partial, device="cpu")
    partial = face_pack(tmp_path / "blind")
    (partial / "w600k_r50.onnx").unlink()
    with pytest.raises(ModelError, match="holds no network for recognition"):
        InsightFacePack(partial, device="cpu")


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="there is CUDA")
def test_no_gpu(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"cuda:0: .* has no CUDAExecutionProvider .*onnxruntime-gpu"):
        InsightFacePack(folder, device="cuda")
    stage = build_stages(config={**config(folder), "device": "cuda:1"}, only=["faces"])[0]
    with pytest.raises(ModelError, match=r"cuda:1: .* has no CUDAExecutionProvider"):
        stage.check(Store())
    stage = build_stages(config={**config(folder), "device": "mps"}, only=["faces"])[0]
    with pytest.raises(ModelError, match="insightface works on cpu and cuda"):
        stage.check(Store())
    pack = InsightFacePack(folder, device="auto")
    assert pack.notes == []
    assert pack._detector.session.get_providers() == ["CPUExecutionProvider"]


def config(folder: Path, **more: object) -> dict[str, object]:
    choice = {"adapter": "insightface", "model": "buffalo_l", "weights": str(folder), **more}
    return {"device": "cpu", "accept_licences": ["insightface"], "stages": {"faces": choice}}


def test_the_terms_have_to_be_accepted(folder: Path, tmp_path: Path) -> None:
    stage = build_stages(config={**config(folder), "accept_licences": []}, only=["faces"])[0]
    with pytest.raises(
        ModelError, match=r"'non-commercial research only' .*accept_licences: \[insightface\]"
    ):
        stage.check(Store(tmp_path))


@pytest.mark.weights
def test_the_stage_emits_tracks_and_people(folder: Path) -> None:
    clip = moving_clip(seconds=0.4)
    scores = InsightFacePack(folder, device="cpu", threshold=0.2).detect(clip.frame(0).image)[:, 14]
    third = float(scores[2]) - 1e-3
    stage = build_stages(config=config(folder, threshold=third, sure=third), only=["faces"])[0]
    store = Store()
    stage.check(store)
    stage.setup(store)
    found = stage.run(clip, SignalSet())
    kinds = {one.kind for one in found}
    assert {"face.track", "face.person", "face.age", "face.gender"} <= kinds <= stage.emits
    tracks = [one for one in found if one.kind == "face.track"]
    assert all(one.embedding.shape == (512,) for one in tracks)
    assert {one.source for one in tracks} == {stage.source}
    assert stage.source.startswith("insightface:buffalo_l@")
    stage.close()


@pytest.mark.weights
def test_a_gallery_of_the_other_network_is_refused(folder: Path, tmp_path: Path) -> None:
    Gallery(tmp_path / "people.sqlite")
    with pytest.raises(ConfigError, match="knows faces by the network of the cpu profile"):
        Analyzer(config=config(folder), only=["faces"], gallery=tmp_path / "people.sqlite")
