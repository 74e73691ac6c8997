"""The gallery of known people: storage, open-set matching, deletion, and naming in a video."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from mmu import cli
from mmu.analyzer import Analyzer
from mmu.cli_gallery import nearest
from mmu.errors import ConfigError, StoreError
from mmu.gallery.mesh import PhotoMesh, photo_mesh, write_obj
from mmu.gallery.naming import name_people
from mmu.gallery.store import GALLERY_COSINE, Gallery, Snapshot
from mmu.signals import Signal, SignalSet, Span

RANDOM = np.random.default_rng(5)


def face(*, near: NDArray[np.float32] | None = None, cosine: float = 0.0) -> NDArray[np.float32]:
    """A random unit vector, at a cosine to another one."""
    vector = RANDOM.standard_normal(128).astype(np.float32)
    vector /= np.linalg.norm(vector)
    if near is None:
        return vector
    vector -= (vector @ near) * near
    vector /= np.linalg.norm(vector)
    return np.asarray(cosine * near + np.sqrt(1 - cosine**2) * vector, np.float32)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "people.sqlite"


def people_signals(embedding: NDArray[np.float32], *, quality: float) -> SignalSet:
    track = Signal(
        "face.track",
        None,
        0.9,
        Span(0, 2),
        "t",
        track="face-1",
        attributes={"person": "person-1", "quality": quality},
    )
    person = Signal(
        "face.person",
        "person-1",
        0.9,
        Span(0, 2),
        "t",
        attributes={"seconds": 2.0},
        embedding=embedding.astype(np.float16),
    )
    return SignalSet([track, person])


def test_people_survive_reopening_and_the_unknown_stays_unknown(place: Path) -> None:
    ada, bob = face(), face()
    with Gallery(place) as gallery:
        assert gallery.add("Ada", ada, photo="a.jpg", sha256="1")
        assert gallery.add(" Ada ", face(near=ada, cosine=0.7), photo="b.jpg", sha256="2")
        assert not gallery.add("Ada", ada, photo="again.jpg", sha256="1")
        gallery.add("李白", bob, photo="c.jpg", sha256="1")
    with Gallery(place, create=False) as gallery:
        assert [(one.name, one.photos) for one in gallery.people()] == [
            ("Ada", ("a.jpg", "b.jpg")),
            ("李白", ("c.jpg",)),
        ]
        known = gallery.snapshot()
    found = known.match(3 * face(near=bob, cosine=GALLERY_COSINE + 0.02))
    assert found is not None
    assert found.name == "李白"
    assert found.score == pytest.approx(GALLERY_COSINE + 0.02, abs=0.005)
    assert known.match(face(near=bob, cosine=GALLERY_COSINE - 0.02)) is None
    nearest = known.nearest(face(near=bob, cosine=0.35))
    assert nearest is not None
    assert nearest.name == "李白"


def test_strangers_of_a_large_gallery_are_not_named(place: Path) -> None:
    with Gallery(place) as gallery:
        for i in range(60):
            gallery.add(f"p{i}", face(), photo="x", sha256=str(i))
        known = gallery.snapshot()
    assert sum(known.match(face()) is not None for _ in range(500)) == 0


def test_the_nearest_never_looks_like_enough() -> None:
    known = Snapshot(("Ann", "Bo"), np.eye(2, 128, dtype=np.float32), "")

    def somebody(ann: float, bo: float) -> NDArray[np.float32]:
        embedding = np.zeros(128, np.float32)
        embedding[:3] = ann, bo, np.sqrt(1 - ann**2 - bo**2)
        return embedding

    assert nearest(known, somebody(0.4199, 0.1)) == "(nearest Ann 0.41, needs 0.42)"
    assert nearest(known, somebody(-0.2, -0.101)) == "(nearest Bo -0.11, needs 0.42)"
    near = somebody(0.9001, 0.1)
    assert nearest(known, near) == "(nearest Ann 0.90, but another is nearer to that name)"
    assert nearest(Snapshot((), np.zeros((0, 128), np.float32), ""), near) == "(nobody to compare with)"
    assert nearest(known, None) == "(nobody to compare with)"


def test_removal_leaves_no_bytes_of_the_embedding(place: Path) -> None:
    ada, bob = face(), face()
    with Gallery(place) as gallery:
        gallery.add("Ada Lovelace", ada, photo="a.jpg", sha256="1")
        gallery.add("Bob", bob, photo="b.jpg", sha256="2")
        before = gallery.snapshot().digest
        assert gallery.remove("Ada Lovelace") == 1
        assert gallery.snapshot().digest != before
        with pytest.raises(StoreError, match="nobody is called 'Ada Lovelace'"):
            gallery.remove("Ada Lovelace")
    content = place.read_bytes()
    assert ada.astype("<f2").tobytes() not in content
    assert b"Lovelace" not in content
    assert bob.astype("<f2").tobytes()[:32] in content


def test_bad_galleries_say_what_to_do(place: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="mmu people add"):
        Gallery(place, create=False)
    place.write_bytes(b"not a database, but long enough to be looked at" * 30)
    with pytest.raises(StoreError, match="cannot be used"):
        Gallery(place)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE unrelated (x)")
    with pytest.raises(StoreError, match="not a gallery"):
        Gallery(other)
    with Gallery(tmp_path / "old.sqlite") as gallery:
        gallery.add("Ada", face(), photo="a", sha256="1")
        with pytest.raises(ConfigError, match="needs a name"):
            gallery.add("  ", face(), photo="a", sha256="1")
        with pytest.raises(ConfigError, match="128"):
            gallery.add("Bob", np.ones(64, np.float32), photo="a", sha256="1")
    with sqlite3.connect(tmp_path / "old.sqlite") as db:
        db.execute("UPDATE meta SET value = 'othernet@1' WHERE key = 'embedding'")
    with pytest.raises(StoreError, match="othernet@1"):
        Gallery(tmp_path / "old.sqlite")


def test_naming_keeps_all_signals_and_wants_a_fair_crop(place: Path) -> None:
    ada = face()
    with Gallery(place) as gallery:
        gallery.add("Ada", ada, photo="a", sha256="1")
        known = gallery.snapshot()
    named = name_people(people_signals(face(near=ada, cosine=0.6), quality=0.4), known)
    assert [signal.kind for signal in named] == ["face.track", "face.person"]
    person = named.of("face.person")[0]
    assert person.attributes["name"] == "Ada"
    assert person.attributes["match"] == pytest.approx(0.6, abs=0.01)
    assert person.attributes["seconds"] == 2.0
    for signals in (
        people_signals(face(near=ada, cosine=0.6), quality=0.01),
        people_signals(face(near=ada, cosine=0.3), quality=0.9),
    ):
        assert "name" not in name_people(signals, known).of("face.person")[0].attributes


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A portrait, another version of it, a crowd of two and a picture without a face."""
    folder = tmp_path_factory.mktemp("photos")
    portrait = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    pictures = {
        "portrait": portrait,
        "mirrored": np.ascontiguousarray(cv2.resize(portrait[:400], None, fx=0.8, fy=0.8)[:, ::-1]),
        "two": np.hstack([portrait, cv2.resize(portrait, (512, 512))[:, ::-1]]),
        "coffee": np.ascontiguousarray(data.coffee()[:, :, ::-1]),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return {name: folder / f"{name}.png" for name in pictures}


@pytest.mark.weights
def test_command_line(photos: dict[str, Path], place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def people(*args: str | Path) -> tuple[int, str, str]:
        code = cli.main(["people", *map(str, args), "--gallery", str(place)])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    assert people("list")[0] == 2
    code, out, error = people("add", "Eileen Collins", photos["portrait"], photos["coffee"], photos["two"])
    assert code == 1
    assert "portrait.png: added" in out
    assert "no face found" in error
    assert "2 faces" in error
    assert "--largest" in error
    assert "is there already" in people("add", "Eileen Collins", photos["portrait"])[1]
    assert "looks like Eileen Collins" in people("add", "Someone", photos["two"], "--largest")[2]
    people("remove", "Someone")
    assert people("find", photos["mirrored"])[1].startswith("Eileen Collins\t0.")
    assert "no face found" in people("find", photos["coffee"])[1]
    assert "Eileen Collins\t1\tportrait.png" in people("find", "collins")[1]
    assert people("remove", "Nobody")[0] == 2
    assert people("remove", "Eileen Collins")[1] == "removed Eileen Collins: 1 photo\n"
    assert people("find", photos["mirrored"])[1].startswith("unknown\t(nobody to compare with)\tat ")
    people("add", "Someone Else", photos["portrait"])
    other = people("find", photos["two"])[1].splitlines()
    assert all(re.match(r"Someone Else\t0\.|unknown\t\(nearest Someone Else -?0\.\d\d, needs 0\.42\)", line) for line in other)  # fmt: skip


@pytest.mark.weights
def test_a_report_names_whom_the_gallery_knows(
    photos: dict[str, Path], place: Path, short_video: Path
) -> None:
    assert (
        cli.main(["people", "add", "Eileen Collins", str(photos["portrait"]), "--gallery", str(place)]) == 0
    )
    with Analyzer(only=["faces"]) as plain, Analyzer(only=["faces"], gallery=place) as knowing:
        assert plain.fingerprint != knowing.fingerprint
        report = knowing.analyze(short_video)
    named = [person for person in report.people if person.name]
    assert [person.name for person in named] == ["Eileen Collins"]
    assert named[0].name_score is not None
    assert named[0].name_score >= GALLERY_COSINE
    assert len(report.people) >= 1


@pytest.mark.weights
def test_face_mesh(photos: dict[str, Path], tmp_path: Path) -> None:
    found = photo_mesh(photos["portrait"])
    assert found.triangles.shape == (898, 3)
    assert set(found.triangles.ravel()) == set(range(468))
    assert abs(found.mesh.yaw) < 30
    assert abs(found.mesh.pitch) < 30
    target = tmp_path / "face.obj"
    write_obj(found, target)
    rows = [line.split() for line in target.read_text().splitlines()]
    vertices = np.array([[float(v) for v in row[1:]] for row in rows if row[0] == "v"])
    faces = np.array([[int(v.split("/")[0]) - 1 for v in row[1:]] for row in rows if row[0] == "f"])
    assert vertices.shape == (478, 3)
    assert faces.shape == (898, 3)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normals[:, 2] > 0).mean() > 0.85, "triangles face the viewer"
    assert int(vertices[:, 2].argmax()) in (1, 4, 5), "the nose is nearest"
    assert vertices[10, 1] > vertices[152, 1], "the forehead is above the chin"
    mirrored = photo_mesh(photos["mirrored"])
    assert isinstance(mirrored, PhotoMesh)
    assert np.sign(mirrored.mesh.yaw) == -np.sign(found.mesh.yaw) or abs(found.mesh.yaw) < 3
