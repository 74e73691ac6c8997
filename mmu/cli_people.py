"""`mmu people`: the gallery of known faces, and the shape of a face as a mesh."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mmu.cli_gallery import add_list_and_remove, find_name, gallery_option, list_everybody, nearest, remove
from mmu.errors import ConfigError, MediaError

if TYPE_CHECKING:
    from mmu.gallery.store import Gallery

DESCRIPTION = """\
Known people: reports made with `mmu tag --gallery` name those whose face is in the gallery.
A gallery holds biometric data (face embeddings, no pictures); `remove` deletes them for good.

  mmu people add "Ada Lovelace" ada1.jpg ada2.jpg
  mmu people find group.jpg           who is in this photo
  mmu people mesh ada1.jpg --out ada.obj
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `people` command and its subcommands."""
    parser = commands.add_parser(
        "people",
        help="the gallery of known people: add, list, remove, find; face mesh",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    place = gallery_option()
    largest = argparse.ArgumentParser(add_help=False)
    largest.add_argument("--largest", action="store_true", help="take the largest of several faces")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[place, largest], help="add photos of a person")
    add.add_argument("name", metavar="NAME", help="as it shall appear in reports")
    add.add_argument("photos", nargs="+", metavar="PHOTO")
    add_list_and_remove(actions, place, "photo")
    find = actions.add_parser("find", parents=[place], help="who is in a photo, or what is stored of a name")
    find.add_argument("what", metavar="PHOTO|NAME")
    mesh = actions.add_parser("mesh", parents=[largest], help="write the shape of a face as an OBJ mesh")
    mesh.add_argument("photo", metavar="PHOTO")
    mesh.add_argument("--out", type=Path, required=True, metavar="FILE", help="OBJ file to write")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do one action; 1 when a photo of `add` could not be used."""
    if args.action == "mesh":
        return _mesh(args)
    from mmu.gallery.store import Gallery

    with Gallery(args.gallery, create=args.action == "add") as gallery:
        return _ACTIONS[args.action](gallery, args)


def _add(gallery: Gallery, args: argparse.Namespace) -> int:
    from mmu.gallery.photos import enrol
    from mmu.perception.faces import FaceAnalyzer
    from models.store import Store

    analyzer = FaceAnalyzer(Store())
    clean = True
    for path in args.photos:
        try:
            done = enrol(gallery, args.name, path, analyzer, largest=args.largest)
        except (ConfigError, MediaError) as error:
            print(f"mmu: {error}", file=sys.stderr)
            clean = False
            continue
        print(f"{path}: " + (f"added, quality {done.quality:.2f}" if done.added else "is there already"))
        for warning in done.warnings:
            print(f"mmu: {path}: {warning}", file=sys.stderr)
    return 0 if clean else 1


def _find(gallery: Gallery, args: argparse.Namespace) -> int:
    if Path(args.what).is_file():
        return _who(gallery, args.what)
    return find_name(gallery, args.what)


def _who(gallery: Gallery, path: str) -> int:
    from mmu.gallery.naming import MIN_QUALITY
    from mmu.gallery.photos import read_photo
    from mmu.perception.faces import FaceAnalyzer, describe_image
    from models.store import Store

    photo = read_photo(path)
    known = gallery.snapshot()
    faces = describe_image(photo.image, FaceAnalyzer(Store()))
    if not faces:
        print(f"{path}: no face found")
    for face in faces:
        box = face.box.scaled(photo.scale)
        match = known.match(face.embedding)
        if face.quality < MIN_QUALITY:
            answer = f"unknown\t(quality below {MIN_QUALITY:.2f}: too poor to tell)"
        elif match is None:
            answer = f"unknown\t{nearest(known, face.embedding)}"
        else:
            answer = f"{match.name}\t{match.score:.2f}"
        print(f"{answer}\tat {box.x:.0f},{box.y:.0f} size {box.w:.0f}x{box.h:.0f} quality {face.quality:.2f}")
    return 0


def _mesh(args: argparse.Namespace) -> int:
    from mmu.gallery.mesh import photo_mesh, pose, write_obj

    found = photo_mesh(args.photo, largest=args.largest)
    write_obj(found, args.out)
    yaw, pitch, roll = pose(found.mesh)
    print(f"yaw {yaw:.1f}° pitch {pitch:.1f}° roll {roll:.1f}°  presence {found.mesh.presence:.2f}")
    print(
        f"wrote {args.out}: {len(found.mesh.points)} points, {len(found.triangles)} triangles",
        file=sys.stderr,
    )
    return 0


_ACTIONS: dict[str, Callable[[Gallery, argparse.Namespace], int]] = {
    "add": _add,
    "list": list_everybody,
    "remove": remove,
    "find": _find,
}
