"""Memory and forgetting, through the library and the command line."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmu.cli import main
from mmu.errors import ConfigError, StoreError
from mmu.gallery.store import Gallery
from mmu.memory.forget import forget_person, forget_video
from mmu.memory.memory import Memory
from mmu.moderation.queue import Resolution, Task
from mmu.moderation.queue.sqlite import SqliteQueue
from mmu.report import schema as s
from tests.mmu.reports import report


def face(seed: int, noise: float = 0.0, name: str | None = None) -> s.Person:
    vector = np.random.default_rng(seed).standard_normal(128)
    vector += noise * np.random.default_rng(seed + 1000).standard_normal(128)
    return s.Person(
        id="person-1",
        name=name,
        seconds=5,
        spans=[(1.0, 6.0)],
        embedding=[float(x) for x in vector / np.linalg.norm(vector)],
    )


def song(title: str) -> s.Music:
    one = s.Song(title=title, start=0, end=9, offset=3, speed=1, score=0.9, signal="music.song:0")
    return s.Music(present=True, songs=[one])


DRAW = random.Random(3)
FRAMES = [(t / 2, DRAW.randbytes(26).hex()) for t in range(24)]
A = report("a", {"husky": 0.8, "snow": 0.6}, people=[face(1)], frames=FRAMES).model_copy(
    update={"music": song("Tune")}
)
B = report("b", {"dog": 0.7, "snow": 0.5}, people=[face(1, 0.3)])
C = report("c", {"car": 0.9}, people=[face(2), face(3, name="Ann")]).model_copy(
    update={"music": song("Tune")}
)
D = report("d", {"car": 0.6}, frames=FRAMES[4:20])


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    memory = Memory(tmp_path / "memory")
    assert [memory.add(one) for one in (A, B, C, D)] == [True] * 4
    return memory


def keys(found: list[Any]) -> list[str]:
    return [Path(one[0].data["uri"]).stem for one in found]


def test_people_met_again_are_the_same_without_a_name(memory: Memory) -> None:
    assert sorted(keys(memory.videos_with("#1"))) == ["a", "b"]
    assert keys(memory.videos_with("#2")) == ["c"]
    assert keys(memory.videos_with("Ann", "Tune")) == ["c"]
    assert keys(memory.videos_with("#1", "tune")) == ["a"]
    with pytest.raises(StoreError, match="knows no"):
        memory.videos_with("Nobody")


def test_a_concept_is_asked_for_with_its_kinds(memory: Memory) -> None:
    assert sorted(keys(memory.videos_with("狗"))) == ["a", "b"]
    assert keys(memory.videos_with("husky")) == ["a"]


def test_neighbours_and_why(memory: Memory) -> None:
    (node, _, shared), *_ = memory.neighbours("/videos/b.mp4")
    assert node.key == A.id
    assert {one.node.key for one in shared} == {"#1", "snow"}
    assert any(
        link.relation == "copy_of" and link.target.key == A.id
        for link in memory.store.links(memory._video(D.id))
    )


def test_what_follows(memory: Memory) -> None:
    by_video = {one.concept: one for one in memory.follows("/videos/a.mp4")}
    assert "animal" in by_video
    assert "is_a" in by_video["animal"].why
    by_concept = {one.concept for one in memory.follows("dog")}
    assert {"animal", "snow"} <= by_concept
    with pytest.raises(StoreError, match="neither"):
        memory.follows("quxxyzzy")


def test_adding_again_changes_nothing(memory: Memory) -> None:
    before = memory.store.counts()
    assert [memory.add(one) for one in (A, B, C, D)] == [False] * 4
    assert memory.store.counts() == before
    with pytest.raises(ConfigError, match="nothing to remember"):
        memory.add(A.model_copy(update={"outcome": "failed"}))


def test_forgetting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    with Gallery(home / "people.sqlite") as gallery:
        gallery.add("Ann", np.ones(128), photo="x.jpg", sha256="0")
    with Memory(home / "memory") as memory:
        for one in (A, B, C, D):
            memory.add(one)
    assert forget_person("Ann", home=home) == {"faces": 1, "memory": 1}
    assert main(["forget", "person", "Ann", "--home", str(home)]) == 2
    assert main(["forget", "person", "#1", "--home", str(home)]) == 0
    assert main(["forget", "video", "/videos/a.mp4", "--home", str(home)]) == 0
    assert main(["forget", "video", "/videos/a.mp4", "--home", str(home)]) == 2
    with Memory(home / "memory", create=False) as memory:
        counts = memory.store.counts()
        assert counts["video"] == 3
        assert counts["person"] == 1
        assert memory._copies.of(D) == [] or all(one.sha256 != A.id for one in memory._copies.of(D))
    capsys.readouterr()


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--memory", str(tmp_path / "memory")]
    reports = tmp_path / "reports"
    reports.mkdir()
    for name, one in {"a": A, "b": B, "c": C}.items():
        (reports / f"{name}.json").write_text(one.to_json(), encoding="utf-8")
    assert main(["kg", "query", "counts", *place]) == 2
    assert main(["kg", "add", str(reports), *place]) == 0
    capsys.readouterr()
    assert main(["kg", "query", "with", "dog", "snow", "--json", *place]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["video"]["uri"] for line in lines} == {"/videos/a.mp4", "/videos/b.mp4"}
    assert main(["kg", "query", "near", "/videos/a.mp4", *place]) == 0
    assert "features person #1" in capsys.readouterr().out
    assert main(["kg", "query", "near", "nothing", *place]) == 2
    assert main(["kg", "query", "follows", "dog", "--limit", "0", *place]) == 2
    assert main(["kg", "export", *place]) == 2
    assert (
        main(
            ["kg", "export", "--graphml", str(tmp_path / "g.graphml"), "--csv", str(tmp_path / "csv"), *place]
        )
        == 0
    )
    assert (tmp_path / "csv" / "nodes.csv").is_file()
    assert main(["kg", "search", "dog"]) == 0


def test_names_are_remembered_and_forgotten(tmp_path: Path) -> None:
    names = [("person:ann", "Ann", "Ann"), ("place:paris", "巴黎", "Paris")]
    one = report("n", {"street": 0.9}, title="Ann in Paris", entities=names)
    with Memory(tmp_path / "memory") as memory:
        memory.add(one)
        for asked in ("巴黎", "Paris", "PARIS", "巴黎 Paris"):
            assert keys(memory.videos_with(asked)) == ["n"]
        assert keys(memory.videos_with("ann", "paris", "street")) == ["n"]
        links = {link.target.key: link for link in memory.store.links(memory._video(one.id))}
        assert links["place:paris"].relation == "names"
        assert (links["place:paris"].start, links["place:paris"].end) == (5.0, 6.0)
        assert keys(memory.videos_with("Ann")) == ["n"]
    assert forget_person("Ann", home=tmp_path) == {"memory": 1}
    with Memory(tmp_path / "memory") as memory, pytest.raises(StoreError, match="knows no"):
        memory.videos_with("Ann")


def test_the_queue_forgets_what_a_video_is_and_keeps_decisions(tmp_path: Path) -> None:
    secret = "secret title of it"
    with SqliteQueue(tmp_path / "review.sqlite") as queue:
        tasks = [
            Task(id="", video=video, policy="p", uri=f"/v/{video}.mp4", title=secret)
            for video in ("a", "b", "c")
        ]
        assert queue.put(tasks) == 3
        (lease,) = queue.lease("ann")
        assert queue.ack(lease, Resolution(verdict="pass", reviewer="ann"))
    for video in ("a", "b", "c"):
        assert forget_video(f"/v/{video}.mp4", home=tmp_path) == {"queue": 1}
    assert forget_video("/v/a.mp4", home=tmp_path) == {}
    with SqliteQueue(tmp_path / "review.sqlite") as queue:
        assert queue.lease("bob") == []
        assert (queue.stats().done, queue.stats().dead) == (1, 2)
        events = list(queue.events())
        assert {one.reason for one in events if one.type == "dead"} == {"forgotten"}
        assert {one.task.title for one in events} == {""}
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes()
