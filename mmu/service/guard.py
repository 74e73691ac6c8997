"""What every request passes: who asks, how often, and how much it may send."""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmu.review.limits import Buckets
from mmu.service.keys import KeyFile
from mmu.service.metrics import Metrics

#: bytes of a JSON body
MAX_JSON = 2 * 2**20
#: what multipart adds to a file
_FORM_EXTRA = 64 * 1024
ANYBODY = "anybody"


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """An answer other than the wanted one."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Guard:
    """Knows keys and counts requests."""

    def __init__(self, keys: KeyFile | None, buckets: Buckets, metrics: Metrics) -> None:
        self._keys, self._buckets, self._metrics = keys, buckets, metrics

    def admit(self, request: Request) -> str:
        """The name of the caller.

        Raises:
            Refused: no key or a wrong one (401), too many requests (429).
        """
        address = request.client.host if request.client else ""
        owner = ANYBODY if self._keys is None else self._keys.owner(_key(request))
        # Guesses are counted by address, callers by key.
        wait = self._buckets.take(f"key {owner}" if owner else f"address {address}")
        if wait:
            self._metrics.refused.labels("rate").inc()
            raise Refused(
                429, "rate_limited", "too many requests of this key", Retry_After=str(math.ceil(wait))
            )
        if owner is None:
            self._metrics.refused.labels("key").inc()
            message = "give an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`"
            raise Refused(401, "unauthorized", message, WWW_Authenticate="Bearer")
        return owner


def _key(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("x-api-key", "")


class BodyLimit:
    """ASGI middleware: no body is larger than it may be, whatever its headers say."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        form = dict(scope["headers"]).get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        limit = self._max_bytes + _FORM_EXTRA if form else MAX_JSON
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise too_large(limit)
            return message

        await self._app(scope, counted, send)


def too_large(limit: int) -> Refused:
    """The answer to a body beyond the limit."""
    return Refused(413, "too_large", f"the body is larger than {limit:,} bytes", Connection="close")
