"""Fetch bytes over HTTP: resumed where a connection was cut, checked, with room made sure of first."""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path

import requests

from models.errors import ModelError
from models.index import Index, UnreachableError
from models.pipconfig import hide_password
from models.store import disk_errors, flush, sha256_of

#: tries in a row that brought no new byte before a download is given up
TRIES = 4
#: bytes read at a time: what a cut connection can cost
_STEP = 1 << 16
_SPARE = 64 << 20


class Progress:
    """Told how much is on its way and how much of it came; this one keeps silent.

    Setting `stopped` ends the downloads that report to it.
    """

    stopped = False

    def expect(self, size: int) -> None:
        """Take note that `size` more bytes will come."""

    def advance(self, size: int) -> None:
        """Take note that `size` bytes came."""


def need_space(folder: Path, size: int) -> None:
    """Make sure that `size` bytes, and some spare, fit on the disk of `folder`.

    Raises:
        ModelError: they do not.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise ModelError(
            f"the disk of {folder} has {free / 1e6:,.0f} MB free, {(size + _SPARE) / 1e6:,.0f} MB are "
            "needed; free some space, or set MMU_HOME to a folder on a larger disk"
        )


def download(index: Index, url: str, target: Path, *, sha256: str | None, progress: Progress) -> None:
    """Fetch `url` into `target`; `target` + ".part" holds what came so far and is taken up again.

    Raises:
        UnreachableError: no connection; the ".part" is kept, to go on from there.
        ModelError: wrong hash, full disk; nothing is kept.
    """
    part = target.with_name(target.name + ".part")
    tries, counted = 0, False
    while True:
        start = part.stat().st_size if part.exists() else 0
        try:
            _fetch(index, url, part, start, progress, count=not counted)
            break
        except requests.RequestException as error:
            came = (part.stat().st_size if part.exists() else 0) - start
            counted = counted or came > 0
            tries = 1 if came > 0 else tries + 1
            if tries >= TRIES or _is_final(error):
                raise UnreachableError(
                    f"cannot download {hide_password(url)} ({_reason(error)}); check the network and pull "
                    "again: what came so far is kept and taken up from there"
                ) from error
            time.sleep(min(0.2 * 2**tries, 5.0))
        except ModelError:
            part.unlink(missing_ok=True)
            raise
    if sha256 and (found := sha256_of(part)) != sha256:
        part.unlink()
        raise ModelError(
            f"{target.name} from {hide_password(url)} has SHA-256 {found} where the index says {sha256}; "
            "nothing was kept. Pull again; if it stays so, the index or a proxy serves a damaged copy"
        )
    with disk_errors(target.parent):
        part.replace(target)


def _fetch(index: Index, url: str, part: Path, start: int, progress: Progress, *, count: bool) -> None:
    try:
        response = index.get(url, headers={"Range": f"bytes={start}-"} if start else {}, stream=True)
    except requests.HTTPError as error:
        if error.response.status_code != 416 or not start:
            raise
        total = error.response.headers.get("Content-Range", "").rpartition("/")[2]
        if total == str(start):
            return  # all of it is here already
        part.unlink()
        raise requests.ConnectionError("the partial file did not fit, starting over") from error
    with response:
        resumed = response.status_code == 206
        length = int(response.headers.get("Content-Length", 0))
        if count:
            progress.expect(length + (start if resumed else 0))
            progress.advance(start if resumed else 0)
        need_space(part.parent, length)
        with disk_errors(part.parent), part.open("ab" if resumed else "wb") as out:
            for chunk in response.iter_content(_STEP):
                out.write(chunk)
                progress.advance(len(chunk))
                if progress.stopped:
                    raise KeyboardInterrupt
            flush(out)
        if part.stat().st_size < length + (start if resumed else 0):
            raise requests.ConnectionError("the connection was cut")


class RangeFile(io.RawIOBase):
    """A file on an HTTP server, read piece by piece; lets `zipfile` take one member out of a large wheel.

    Raises:
        requests.RequestException: on opening, when the server gives no ranges.
        UnreachableError: on reading, when it stops answering.
    """

    def __init__(self, index: Index, url: str, *, progress: Progress) -> None:
        self._index, self._url, self._progress = index, url, progress
        self._at = 0
        with index.get(url, headers={"Range": "bytes=0-0"}, stream=True) as response:
            total = response.headers.get("Content-Range", "").rpartition("/")[2]
            if response.status_code != 206 or not total.isdigit():
                raise requests.ConnectionError("the server gives no byte ranges")
            self.size = int(total)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self.size)[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        want = min(len(buffer), self.size - self._at)
        if want <= 0:
            return 0
        data = self._read(self._at, want)
        buffer[:want] = data
        self._at += want
        self._progress.advance(want)
        if self._progress.stopped:
            raise KeyboardInterrupt
        return want

    def _read(self, start: int, size: int) -> bytes:
        headers = {"Range": f"bytes={start}-{start + size - 1}"}
        reason = "it gives wrong byte ranges"
        for attempt in range(1, TRIES + 1):
            try:
                response = self._index.get(self._url, headers=headers)
                if response.status_code == 206 and len(response.content) == size:
                    return response.content
            except requests.RequestException as error:
                reason = _reason(error)
                if _is_final(error):
                    break
            time.sleep(min(0.2 * 2**attempt, 5.0))
        raise UnreachableError(
            f"cannot download {hide_password(self._url)} ({reason}); check the network and pull again"
        )


def _is_final(error: requests.RequestException) -> bool:
    """Tell whether trying again is of no use: the server answered, and said no."""
    status = error.response.status_code if error.response is not None else 0
    return 400 <= status < 500 and status not in (408, 425, 429)


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"the server answered {error.response.status_code}"
    return type(error).__name__
