"""Fetching http(s) addresses without being led into private networks."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import requests

from mmu.errors import MediaError
from mmu.media.options import DecodeOptions

MAX_REDIRECTS = 5
#: Seconds to connect, and between two pieces of the answer.
TIMEOUT = (10, 30)


def download(url: str, options: DecodeOptions) -> Iterator[bytes]:
    """The body of `url` in pieces. A redirect may lead to the same host or to a public one only.

    Raises:
        MediaError: not reachable, an error status, or a redirect that is not allowed.
    """
    first = urlsplit(url)
    with requests.Session() as session:
        for hop in range(MAX_REDIRECTS + 1):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise MediaError(f"{url}: not an http or https address", code="scheme")
            guarded = options.private_hosts == "never" or (
                options.private_hosts == "direct" and hop > 0 and parts.netloc != first.netloc
            )
            if guarded and is_private(parts.hostname):
                raise MediaError(
                    f"{url}: the address lies in a private network, which is not allowed here",
                    code="private_address",
                )
            try:
                response = session.get(url, stream=True, timeout=TIMEOUT, allow_redirects=False)
            except requests.RequestException as exc:
                raise MediaError(f"{url}: cannot be fetched: {_short(exc)}", code="unreachable") from exc
            with response:
                if guarded and _private_peer(response):
                    raise MediaError(f"{url}: answered from a private network", code="private_address")
                if response.is_redirect:
                    url = urljoin(url, response.headers["location"])
                    continue
                if response.status_code != 200:
                    code = "not_found" if response.status_code in (404, 410) else "unreachable"
                    raise MediaError(f"{url}: the server answered {response.status_code}", code=code)
                try:
                    yield from response.iter_content(1 << 20)
                except requests.RequestException as exc:
                    raise MediaError(
                        f"{url}: the download broke off: {_short(exc)}", code="unreachable"
                    ) from exc
                return
    raise MediaError(f"{url}: more than {MAX_REDIRECTS} redirects", code="unreachable")


def is_private(host: str) -> bool:
    """Whether any address of `host` is not a public one (private, loopback, link-local, ...)."""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False  # not resolvable here: fetching will say so, or a proxy resolves it
    return any(_not_public(str(entry[4][0])) for entry in found)


def _not_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.split("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return not (mapped or parsed).is_global


def _private_peer(response: requests.Response) -> bool:
    # The name may have resolved differently between the check and the connection.
    if requests.utils.select_proxy(response.url, requests.utils.get_environ_proxies(response.url)):
        return False
    connection = getattr(response.raw, "_connection", None)
    sock = getattr(connection, "sock", None)
    try:
        return sock is not None and _not_public(str(sock.getpeername()[0]))
    except OSError:
        return False


def _short(exc: Exception) -> str:
    return str(exc).split("\n")[0][:200]
