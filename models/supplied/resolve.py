"""From the choice of a network to files that may be loaded: found, licensed, and the same as before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelError
from models.store import Store
from models.supplied.entries import Entry, find_entry
from models.supplied.record import Record


@dataclass(frozen=True, slots=True)
class Weights:
    """What an adapter loads."""

    #: the one file, or the folder of several
    path: Path
    #: SHA-256 of the file; of a folder, that of the sorted `name digest` lines of its files
    sha256: str
    #: name and version of the network, as in `torchvision-convnext-base@IMAGENET1K_V1`, or of the
    #: user's own weights, as in `convnext_base@1a2b3c4d`
    source: str


def supplied_folder(store: Store) -> Path:
    """Where the weights that users bring lie: one folder an entry."""
    return store.root / "supplied"


def entry_folder(store: Store, entry: Entry) -> Path:
    """The folder of one entry."""
    return supplied_folder(store) / entry.name


def missing_files(store: Store, entry: Entry) -> list[Path]:
    """Paths of an entry's files that are not there."""
    folder = entry_folder(store, entry)
    return [folder / file.name for file in entry.files if not (folder / file.name).is_file()]


def resolve_weights(
    store: Store,
    adapter: str,
    model: str,
    *,
    path: Path | None = None,
    sha256: str | None = None,
    accepted: Iterable[str] = (),
) -> Weights:
    """Find the weights of an adapter's network and check what is known of them.

    Args:
        store: its `supplied/` folder holds the weights of the listed networks.
        adapter: name of the adapter.
        model: name of the network, as the adapter knows it.
        path: file or folder of the user's own, in place of the store's.
        sha256: what the user's own must have.
        accepted: terms that the configuration accepts, beside those accepted at a pull.

    Raises:
        ModelError: missing, other bytes than expected, or terms that nobody accepted; the message
            says what to do.
    """
    record = Record(supplied_folder(store))
    entry = find_entry(adapter, model)
    if entry is not None and entry.accept and entry.accept not in {*accepted, *record.accepted()}:
        raise ModelError(refusal(entry))
    if path is not None:
        return _own(path.expanduser(), model, sha256, record)
    if entry is None:
        raise ModelError(
            f"{adapter}, model {model!r}: `mmu models list --profile gpu` does not show it; "
            "name its file with `weights:`"
        )
    if missing := missing_files(store, entry):
        where = entry.files[0].url or entry.upstream
        raise ModelError(
            f"the weights of {entry.name} are not there: run `mmu models pull {entry.name}`, or get them "
            f"from {where} and put them at {', '.join(map(str, missing))}, or name a file with `weights:`"
        )
    folder = entry_folder(store, entry)
    digests = {file.name: _checked(record, folder / file.name, file.sha256) for file in entry.files}
    if len(entry.files) == 1:
        name, digest = next(iter(digests.items()))
        return Weights(folder / name, digest, entry.source)
    return Weights(folder, _joint(digests), entry.source)


def refusal(entry: Entry) -> str:
    """Why weights that forbid commercial use are not loaded, and what to do."""
    return (
        f"{entry.name} has the licence {entry.licence_weights!r} ({entry.upstream}); if your use is covered, "
        f"say so with `accept_licences: [{entry.accept}]` in the configuration, or once with "
        f"`mmu models pull {entry.name} --accept-licence {entry.accept}`"
    )


def _own(path: Path, model: str, sha256: str | None, record: Record) -> Weights:
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
        if not files:
            raise ModelError(f"weights {path}: the folder is empty")
        digest = _joint({str(one.relative_to(path)): record.digest(one)[0] for one in files})
    elif path.is_file():
        digest = record.digest(path)[0]
    else:
        raise ModelError(f"weights {path}: there is no such file or folder")
    if sha256 and not digest.startswith(sha256.lower()):
        raise ModelError(f"weights {path} have SHA-256 {digest}, the configuration asks for {sha256}")
    return Weights(path, digest, f"{Path(model).name}@{digest[:8]}")


def _checked(record: Record, path: Path, expected: str) -> str:
    """The digest of a file, if it is as published, and as it was at its first use."""
    try:
        now, first = record.digest(path)
    except OSError as error:
        raise ModelError(f"cannot read the weights {path}: {error.strerror}") from error
    if expected and not now.startswith(expected):
        raise ModelError(
            f"{path} has SHA-256 {now}, its publisher states {expected}{'…' * (len(expected) < 64)}: "
            "damaged or another file; remove it and get it again"
        )
    if now != first:
        raise ModelError(
            f"{path} has SHA-256 {now}, at its first use it had {first}: if the change is meant, remove the "
            f"file's lines from {record.path}"
        )
    return now


def _joint(digests: dict[str, str]) -> str:
    import hashlib

    lines = "\n".join(f"{name} {digest}" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
