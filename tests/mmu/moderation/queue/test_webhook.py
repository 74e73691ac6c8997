"""The webhook against a real HTTP server on this machine."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from jsonschema import Draft202012Validator

from mmu.errors import ConfigError
from mmu.moderation.queue import Resolution, Task, open_queue
from mmu.moderation.queue.schema_json import SCHEMA_FILE, event_schema
from mmu.moderation.queue.task import Event
from mmu.moderation.queue.webhook import Retry, Webhook, WebhookError, forward, sign, verify

SECRET = b"0123456789abcdef"


class Receiver(ThreadingHTTPServer):
    """Answers with the given statuses in turn, then 204; keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        self.location = ""
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((body, self.headers["MMU-Signature"]))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def queue_file(tmp_path: Path) -> str:
    file = str(tmp_path / "q.sqlite")
    with open_queue(file) as queue:
        queue.put(
            [
                Task(video="a" * 64, policy="default", title="<b>猫</b>"),
                Task(video="b" * 64, policy="default"),
            ]
        )
        queue.ack(queue.lease("li")[0], Resolution(verdict="block", reviewer="li", category="abuse"))
    return file


def events(file: str) -> list[Event]:
    with open_queue(file) as queue:
        return list(queue.events())


def test_feed_is_sent_signed_in_order_and_once(receiver: Receiver, queue_file: str, tmp_path: Path) -> None:
    hook = Webhook(receiver.url, SECRET, private_hosts=True)
    with open_queue(queue_file) as queue:
        assert forward(queue, hook, tmp_path / "cursor") == 3
        assert forward(queue, hook, tmp_path / "cursor") == 0
        queue.put([Task(video="c" * 64, policy="default")])
        assert forward(queue, hook, tmp_path / "cursor") == 1
    bodies = [json.loads(body) for body, _ in receiver.got]
    assert [row["type"] for row in bodies] == ["queued", "queued", "decided", "queued"]
    assert bodies[2]["resolution"]["reviewer"] == "li"
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    assert schema == event_schema(), "run python -m mmu.moderation.queue.schema_json"
    for row in bodies:
        Draft202012Validator(schema).validate(row)
    for body, header in receiver.got:
        assert verify(body, SECRET, header, time.time())
        assert not verify(body + b" ", SECRET, header, time.time())
        assert not verify(body, b"another secret!!", header, time.time())
        assert not verify(body, SECRET, header, time.time() + 3600)
        assert not verify(body, SECRET, "", time.time())


def test_retries_with_longer_and_longer_waits(receiver: Receiver, queue_file: str) -> None:
    waits: list[float] = []
    receiver.answers = [500, 503, 429, 204]
    Webhook(receiver.url, SECRET, private_hosts=True, sleep=waits.append).send(events(queue_file)[0])
    assert len(receiver.got) == 4
    assert len(waits) == 3
    assert all(0.5 * 2**k <= wait <= 2**k for k, wait in enumerate(waits))


def test_what_is_not_delivered_stays_first(receiver: Receiver, queue_file: str, tmp_path: Path) -> None:
    hook = Webhook(receiver.url, SECRET, private_hosts=True, retry=Retry(attempts=2), sleep=lambda _: None)
    receiver.answers = [204, 500, 500]
    with open_queue(queue_file) as queue:
        with pytest.raises(WebhookError, match="answered 500"):
            forward(queue, hook, tmp_path / "cursor")
        assert forward(queue, hook, tmp_path / "cursor") == 2
    ids = [json.loads(body)["id"] for body, _ in receiver.got]
    assert ids == ["1", "2", "2", "2", "3"]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302])
def test_a_refusal_is_final_and_redirects_are_not_followed(
    receiver: Receiver, queue_file: str, status: int
) -> None:
    receiver.answers, receiver.location = [status], receiver.url
    with pytest.raises(WebhookError, match=str(status)):
        Webhook(receiver.url, SECRET, private_hosts=True).send(events(queue_file)[0])
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "192.168.1.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1"],
)  # fmt: skip
def test_private_networks_are_refused(receiver: Receiver, queue_file: str, host: str) -> None:
    url = f"http://{host}:{receiver.server_address[1]}/"
    with pytest.raises(WebhookError, match="private network"):
        Webhook(url, SECRET, retry=Retry(attempts=1)).send(events(queue_file)[0])
    assert receiver.got == []


def test_a_name_that_changes_its_address_is_refused(
    receiver: Receiver, queue_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when it is checked, this machine when it is connected to."""
    real, asked = socket.getaddrinfo, []

    def resolve(host: str, *args: object, **more: object) -> object:
        if host != "rebound.example":
            return real(host, *args, **more)  # type: ignore[arg-type]
        asked.append(host)
        return real("93.184.216.34" if len(asked) == 1 else "127.0.0.1", *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    url = f"http://rebound.example:{receiver.server_address[1]}/"
    with pytest.raises(WebhookError, match="private network"):
        Webhook(url, SECRET, retry=Retry(attempts=1)).send(events(queue_file)[0])
    assert len(asked) >= 2
    assert receiver.got == []


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, queue_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", receiver.url)
    with pytest.raises(WebhookError, match="private network"):
        Webhook("http://10.0.0.1/", SECRET, retry=Retry(attempts=1)).send(events(queue_file)[0])
    assert receiver.got == []
    assert requests.utils.get_environ_proxies("http://10.0.0.1/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/", "gopher://example.com", "http://", "http://user:pass@example.com/", "javascript:1"])  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="http or https"):
        Webhook(url, SECRET)


def test_short_secrets_are_refused() -> None:
    with pytest.raises(ConfigError, match="16 bytes"):
        Webhook("https://example.com/", b"short")
    assert sign(b"{}", SECRET, 1.0).startswith("t=1,v1=")
