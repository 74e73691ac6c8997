"""The service as a client sees it."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import requests

from mmu.report.schema import Report
from tests.mmu.service.server import Server
from tests.mmu.service.warm import WarmRunners

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def warm_runners() -> Iterator[WarmRunners]:
    """One service after the other takes the process that is there: its end and start is `test_faults`'."""
    runners = WarmRunners()
    yield runners
    runners.close()


@pytest.fixture
def site(clip: Path) -> Iterator[str]:
    """An HTTP server with the clip."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(clip.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_upload_to_report_and_the_same_question_once(serve: Serve, clip: Path, tmp_path: Path) -> None:
    server = serve()
    answer = server.upload(clip, title="两个镜头", topics="#美食 猫")
    assert answer.status_code == 202
    video = answer.json()["id"]
    assert answer.headers["Location"] == f"/v1/videos/{video}"
    done = server.finished(video)
    report = Report.model_validate(done["report"])
    assert (done["status"], report.outcome, report.title) == ("done", "ok", "两个镜头")
    assert report.user_topics == ["美食", "猫"]
    assert report.uri == clip.name
    assert sum(signal["kind"] == "media.shot" for signal in report.signals) == 2
    assert str(tmp_path) not in json.dumps(done), "the path of the spool is nobody's business"
    again = server.upload(clip, title="两个镜头", topics="#美食 猫")
    assert (again.status_code, again.json()["id"]) == (200, video)
    assert server.upload(clip, title="another").json()["id"] != video
    server.finished(server.upload(clip, title="another").json()["id"])
    assert list((tmp_path / "data" / "uploads").iterdir()) == []


def test_a_url_is_fetched(serve: Serve, site: str) -> None:
    server = serve(private_hosts=True)
    video = server.ask("POST", "/v1/videos", json={"url": f"{site}/two%20shots.mp4", "title": "t"}).json()[
        "id"
    ]
    assert server.finished(video)["report"]["outcome"] == "ok"


def test_private_addresses_are_not_fetched(serve: Serve, site: str) -> None:
    server = serve()
    video = server.ask("POST", "/v1/videos", json={"url": f"{site}/two%20shots.mp4"}).json()["id"]
    (error,) = server.finished(video)["report"]["errors"]
    assert error["code"] == "private_address"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "/etc/passwd", "s3://bucket/x", "http://", "memory://x"]
)
def test_only_http_addresses_are_taken(serve: Serve, url: str) -> None:
    answer = serve().ask("POST", "/v1/videos", json={"url": url})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    said = answer.json()["error"]["message"]
    if url == "http://":
        assert said == "url: an address names a host, and holds no space or control character"
    else:
        assert said.startswith("url: only http:// and https:// addresses are fetched")


def test_a_file_that_is_no_video_has_a_report_that_says_so(serve: Serve, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video at all")
    server = serve()
    done = server.finished(server.upload(broken).json()["id"])
    assert (done["status"], done["outcome"]) == ("done", "failed")
    assert done["report"]["errors"][0]["message"]


def test_every_route_but_health_wants_a_key(serve: Serve) -> None:
    server = serve()
    paths = server.app.openapi()["paths"]
    assert len(paths) == 7
    for path, operations in paths.items():
        for method in operations:
            place = server.url + path.replace("{video}", "0" * 32).replace("{batch}", "0" * 32)
            for headers in ({}, {"Authorization": "Bearer mmu_wrong"}, {"X-API-Key": ""}):
                status = requests.request(method, place, headers=headers, timeout=10).status_code
                assert status == (200 if path == "/healthz" else 401), (method, path)


def test_videos_of_others_are_not_there(serve: Serve, clip: Path, tmp_path: Path) -> None:
    from mmu.service.keys import KeyFile

    server = serve()
    video = server.upload(clip).json()["id"]
    server.finished(video)
    keys = KeyFile(tmp_path / "data" / "keys.json")
    other = {"Authorization": f"Bearer {keys.add('other')}"}
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
        assert server.ask(method, f"/v1/videos/{video}{path}", headers=other).status_code == 404
    keys.remove("other")
    assert server.ask("GET", f"/v1/videos/{video}", headers=other).status_code == 401


def test_events_end_with_the_state(serve: Serve, clip: Path) -> None:
    server = serve()
    video = server.upload(clip).json()["id"]
    text = server.ask("GET", f"/v1/videos/{video}/events", stream=True).content.decode()
    events = [block.split("\n") for block in text.strip().split("\n\n")]
    assert events[-1][0] == "event: done"
    assert json.loads(events[-1][1].removeprefix("data: "))["outcome"] == "ok"
    assert {lines[0] for lines in events[:-1]} <= {"event: progress", ": still here"}


def test_a_batch_is_taken_whole_or_not_at_all(serve: Serve, site: str) -> None:
    server = serve(private_hosts=True, max_waiting=3)
    videos = [{"url": f"{site}/two%20shots.mp4", "title": str(number)} for number in range(3)]
    batch = server.ask("POST", "/v1/batches", json={"videos": videos})
    assert batch.status_code == 202
    name = batch.json()["id"]
    server.wait(lambda: server.ask("GET", f"/v1/batches/{name}").json()["counts"] == {"done": 3}, 120)
    too_many = server.ask(
        "POST",
        "/v1/batches",
        json={"videos": [{**one, "title": f"new {one['title']}"} for one in videos * 2][:4]},
    )
    assert too_many.status_code == 202, "equal videos count once"
    more = [{"url": f"{site}/x.mp4", "title": f"{number}"} for number in range(8)]
    refused = server.ask("POST", "/v1/batches", json={"videos": more})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "full")
    assert int(refused.headers["Retry-After"]) >= 1


def test_deleting(serve: Serve, clip: Path) -> None:
    server = serve()
    video = server.upload(clip).json()["id"]
    server.finished(video)
    assert server.ask("DELETE", f"/v1/videos/{video}").status_code == 204
    assert server.ask("GET", f"/v1/videos/{video}").status_code == 404
    assert server.ask("DELETE", f"/v1/videos/{video}").status_code == 404


def test_limits(serve: Serve, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(400_000))
    server = serve(max_bytes=100_000)
    assert server.upload(large).status_code == 413

    def chunks() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
        for _ in range(50):
            yield bytes(10_000)
        yield b"\r\n--x--\r\n"

    chunked = server.ask(
        "POST", "/v1/videos", data=chunks(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert (chunked.status_code, chunked.json()["error"]["code"]) == (413, "too_large")
    assert not list((tmp_path / "data" / "uploads").iterdir())
    long = {"url": "http://example.org/a.mp4", "title": "x" * 2001}
    assert server.ask("POST", "/v1/videos", json=long).status_code == 422


def test_a_key_may_not_ask_too_often(serve: Serve) -> None:
    server = serve(rate=0.5, burst=3)
    answers = [server.ask("GET", f"/v1/videos/{'0' * 32}") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 2
    assert requests.get(server.url + "/healthz", timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"url": 5}', "application/json", 422),
        (b'{"url": "http://a.b/c", "extra": 1}', "application/json", 422),
        (b"[" * 100_000, "application/json", 400),
        (b"hello", "text/plain", 415),
        (b"--y\r\nbroken", "multipart/form-data; boundary=x", 400),
        (b"", "multipart/form-data", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nhi\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            422,
        ),
    ],
)
def test_wrong_bodies(serve: Serve, body: bytes, kind: str, status: int) -> None:
    answer = serve().ask("POST", "/v1/videos", data=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


def test_metrics(serve: Serve, clip: Path) -> None:
    server = serve()
    server.finished(server.upload(clip).json()["id"])
    text = server.ask("GET", "/metrics").text
    assert 'mmu_videos_total{outcome="ok"} 1.0' in text
    assert 'mmu_jobs{state="done"} 1.0' in text
    assert 'mmu_requests_total{route="/v1/videos",status="202"} 1.0' in text
