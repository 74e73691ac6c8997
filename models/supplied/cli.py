"""`mmu models list | pull | verify | path` for weights that users bring (`--profile gpu`, or by name)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from models.errors import ModelError
from models.supplied.entries import Entry, load_entries, select_entries
from models.supplied.record import Record
from models.supplied.resolve import entry_folder, missing_files, resolve_weights, supplied_folder

if TYPE_CHECKING:
    from models.store import Store


def is_meant(args: argparse.Namespace) -> bool:
    """Whether a parsed `mmu models …` is about weights that users bring.

    Raises:
        ModelError: some of the names are, and others are not.
    """
    names = [args.name] if args.models_command == "path" else list(args.names)
    if not names:
        return bool(args.profile == "gpu")
    known = {entry.name for entry in load_entries()}
    ours = [name for name in names if name in known]
    if ours and len(ours) < len(names):
        raise ModelError(
            f"{', '.join(ours)} and the others come from different places: name them in two commands"
        )
    return bool(ours)


def choose(args: argparse.Namespace) -> tuple[Entry, ...]:
    """The entries that were named; without names all to list, else those of the profile."""
    if args.models_command == "path":
        return select_entries([args.name])
    if args.names:
        return select_entries(args.names)
    return tuple(entry for entry in load_entries() if entry.default or args.models_command == "list")


def rows(store: Store, entries: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """One line an entry: what it is, and whether it is there."""
    accepted = Record(supplied_folder(store)).accepted()
    found = []
    for entry in entries:
        missing = missing_files(store, entry)
        state = "no" if missing else "yes"
        if entry.accept and entry.accept not in accepted:
            state += f", terms {entry.accept!r} not accepted"
        found.append(
            {
                "name": entry.name,
                "adapter": entry.adapter,
                "model": entry.model,
                "task": entry.task,
                "profile": entry.default,
                "licence_code": entry.licence_code,
                "licence_weights": entry.licence_weights,
                "terms": entry.accept,
                "upstream": entry.upstream,
                "facts": entry.facts,
                "here": state,
                "files": [
                    {"name": f.name, "url": f.url, "sha256": f.sha256 or "recorded at first use"}
                    for f in entry.files
                ],
                "missing": [
                    {"path": str(entry_folder(store, entry) / f.name), "from": f.url or entry.upstream}
                    for f in entry.files
                    if entry_folder(store, entry) / f.name in missing
                ],
            }
        )
    return found


def pull(store: Store, entries: tuple[Entry, ...], args: argparse.Namespace) -> list[str]:
    """Fetch what is missing; returns the paths of the files that came."""
    from models.progress import Bar
    from models.supplied.pull import pull_entries

    with Bar() as bar:
        fetched = pull_entries(
            store,
            entries,
            source=args.source,
            accepted=args.accept_licence,
            jobs=args.jobs,
            progress=bar,
        )
    return [str(path) for path in fetched]


def verify(store: Store, entries: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """State of each entry: `ok`, `missing`, or what is wrong with it."""
    found = []
    for entry in entries:
        status, digest = "ok", ""
        if missing_files(store, entry):
            status = "missing"
        else:
            try:
                weights = resolve_weights(
                    store, entry.adapter, entry.model, accepted=[entry.accept] if entry.accept else []
                )
                digest = weights.sha256
            except ModelError as error:
                status = str(error)
        found.append({"name": entry.name, "status": status, "sha256": digest})
    return found


def folder(store: Store, entry: Entry) -> str:
    """Where an entry's files are, or are to be put."""
    return str(entry_folder(store, entry))
