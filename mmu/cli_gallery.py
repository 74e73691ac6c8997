"""What the galleries of faces and voices have in common on the command line."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmu.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmu.gallery.store import Entry, Gallery, Snapshot


def gallery_option() -> argparse.ArgumentParser:
    """A parent parser with `--gallery`."""
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument(
        "--gallery", type=Path, metavar="FILE", help="gallery to use (default: the user's own)"
    )
    return place


def add_list_and_remove(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], place: argparse.ArgumentParser, what: str
) -> None:
    """Add `list` and `remove` to the actions; `what` is what is stored of a person."""
    actions.add_parser("list", parents=[place], help=f"list everybody and their {what}s")
    remove = actions.add_parser("remove", parents=[place], help="delete a person and their embeddings")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(what=what)


def nearest(known: Snapshot, embedding: NDArray[Any] | None) -> str:
    """Who of the gallery is most like somebody it does not know, and how far from being known.

    The likeness is rounded down and the threshold up, so that they never look met.
    """
    found = None if embedding is None else known.nearest(embedding)
    if found is None:
        return "(nobody to compare with)"
    score = math.floor(round(found.score * 100, 6)) / 100
    if found.score >= known.threshold:
        return f"(nearest {found.name} {score:.2f}, but another is nearer to that name)"
    needs = math.ceil(round(known.threshold * 100, 6)) / 100
    return f"(nearest {found.name} {score:.2f}, needs {needs:.2f})"


def list_everybody(gallery: Gallery, _: argparse.Namespace) -> int:
    """`list`."""
    for entry in gallery.people():
        _print(entry)
    return 0


def remove(gallery: Gallery, args: argparse.Namespace) -> int:
    """`remove NAME`."""
    removed = gallery.remove(args.name)
    print(f"removed {args.name}: {removed} {args.what}" + ("s" if removed != 1 else ""))
    return 0


def find_name(gallery: Gallery, name: str) -> int:
    """`find NAME`: everybody whose name has this in it.

    Raises:
        StoreError: nobody has.
    """
    found = [entry for entry in gallery.people() if name.casefold() in entry.name.casefold()]
    if not found:
        raise StoreError(f"{name!r} is neither a file nor a name in {gallery.path}")
    for entry in found:
        _print(entry)
    return 0


def _print(entry: Entry) -> None:
    print(f"{entry.name}\t{len(entry.photos)}\t{', '.join(entry.photos)}")
