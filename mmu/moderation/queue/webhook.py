"""The feed sent to an address: signed, in order, again until it is taken, never into private networks.

The signature is `MMU-Signature: t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of
`SECONDS.BODY` under the shared secret. A receiver refuses old times, and skips event ids that
it has seen: delivery is at-least-once.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mmu.errors import ConfigError, StoreError
from mmu.media.http import is_private
from mmu.moderation.queue.base import ReviewQueue
from mmu.moderation.queue.task import Event

SIGNATURE = "MMU-Signature"
#: seconds to connect, and to wait for the answer
TIMEOUT = (5, 15)
#: the shortest secret that is taken, in bytes
SHORTEST = 16
#: how old a signature may be, in seconds
TOLERANCE = 300.0


class WebhookError(StoreError):
    """An event that the receiver did not take."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Waits of `first` x 2^n seconds up to `longest`, with jitter, for `attempts` tries of one event."""

    attempts: int = 8
    first: float = 1.0
    longest: float = 300.0


class Webhook:
    """One receiver.

    Args:
        url: http or https, without a user name in it.
        secret: shared with the receiver.
        private_hosts: whether it may lie in a private network (an operator's own choice).
        retry: how often a failed delivery is tried again.
        sleep: how to wait; for tests.

    Raises:
        ConfigError: an address or a secret that is not allowed.
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        *,
        private_hosts: bool = False,
        retry: Retry | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ConfigError(f"webhook {url!r}: give an http or https address without a user name")
        if len(secret) < SHORTEST:
            raise ConfigError(f"webhook secret: at least {SHORTEST} bytes, this one has {len(secret)}")
        self.url, self._secret = url, secret
        self._private_hosts = private_hosts
        self._retry = retry or Retry()
        self._sleep = sleep
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy would connect in our place, past the check
        if not private_hosts:
            for scheme in ("http://", "https://"):
                self._session.mount(scheme, _GuardedAdapter())

    def send(self, event: Event) -> None:
        """Deliver one event.

        Raises:
            WebhookError: not delivered after all tries, or refused for good (an answer of 4xx
                other than 408, 425 and 429, or an address that is not allowed).
        """
        body = event.model_dump_json(by_alias=True).encode()
        reason = ""
        for attempt in range(self._retry.attempts):
            if attempt:
                pause = min(self._retry.longest, self._retry.first * 2 ** (attempt - 1))
                self._sleep(pause * random.uniform(0.5, 1.0))
            if not self._private_hosts and is_private(urlsplit(self.url).hostname or ""):
                raise WebhookError(f"webhook {self.url}: lies in a private network, which is not allowed")
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "mmu-webhook/1",
                "MMU-Event": event.id,
                SIGNATURE: sign(body, self._secret, time.time()),
            }
            try:
                with self._session.post(
                    self.url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
                ) as answer:
                    status = answer.status_code
            except _PrivateError as error:
                raise WebhookError(f"webhook {self.url}: {error}") from error
            except requests.RequestException as error:
                reason = str(error).split("\n")[0][:200]
                continue
            if 200 <= status < 300:
                return
            reason = f"the receiver answered {status}"
            if 300 <= status < 500 and status not in (408, 425, 429):
                break
        raise WebhookError(f"webhook {self.url}: event {event.id} was not delivered: {reason}")


def forward(queue: ReviewQueue, hook: Webhook, cursor: Path) -> int:
    """Send what is new in the feed; returns how many events. The cursor file remembers where it was.

    Raises:
        WebhookError: an event was not delivered; the next call goes on with it.
        StoreError: the cursor cannot be read or written.
    """
    try:
        after = cursor.read_text("utf-8").strip() if cursor.exists() else ""
        count = 0
        for event in queue.events(after):
            hook.send(event)
            temporary = cursor.with_name(f".{cursor.name}.{os.getpid()}")
            temporary.write_text(event.id, "utf-8")
            temporary.replace(cursor)
            count += 1
    except OSError as error:
        raise StoreError(f"webhook cursor {cursor}: {error.strerror or error}") from error
    return count


def sign(body: bytes, secret: bytes, now: float) -> str:
    """The signature header of a body."""
    stamp = str(int(now))
    return f"t={stamp},v1={hmac.new(secret, stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def verify(body: bytes, secret: bytes, header: str, now: float, *, tolerance: float = TOLERANCE) -> bool:
    """Whether a signature header belongs to this body and is not old; for receivers."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    stamp = parts.get("t", "")
    if not stamp.isdecimal() or abs(now - int(stamp)) > tolerance:
        return False
    expected = sign(body, secret, int(stamp)).rpartition("=")[2]
    return hmac.compare_digest(expected.encode(), parts.get("v1", "").encode())


class _PrivateError(Exception):
    """The connection leads into a private network."""


def _checked(sock: Any) -> Any:
    # The name may have resolved differently since: look at the real peer, before a byte is sent.
    if is_private(str(sock.getpeername()[0])):
        sock.close()
        raise _PrivateError("leads into a private network, which is not allowed")
    return sock


class _Connection(HTTPConnection):
    def _new_conn(self) -> Any:
        return _checked(super()._new_conn())


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> Any:
        return _checked(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _GuardedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
