"""What a file's own metadata says of how it was made: C2PA manifests, XMP, EXIF, container tags.

Nothing is verified: a manifest's signature is not checked, and metadata can be
forged or stripped. A mark says that the file claims to come from a generator;
no mark says nothing. Formats: ISO 19566-5 (JUMBF) and the C2PA specification
for the manifest store in JPEG APP11, PNG `caBX`, the `uuid` box of ISO BMFF
and RIFF `C2PA`; IPTC `digitalSourceType` for machine-made media.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: bytes of metadata that are read of one file
MOST = 8 << 20
#: bytes at the start and the end of a file of another format that are searched
EDGE = 1 << 20
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
#: boxes of ISO BMFF that hold further boxes
_PARENTS = {b"moov", b"udta", b"ilst", b"trak", b"meta"}
#: IPTC digital source types that mean made, or changed, by a trained model
_MACHINE_MADE = re.compile(
    rb"trainedAlgorithmicMedia|compositeWithTrainedAlgorithmicMedia|algorithmicMedia(?![A-Za-z])"
)
#: name -> how it writes itself into metadata
GENERATORS: dict[str, re.Pattern[bytes]] = {
    "Midjourney": re.compile(rb"(?i)midjourney"),
    "DALL-E": re.compile(rb"(?i)dall[\xc2\xb7\s-]?\xc2?\xb7?e|openai"),
    "Sora": re.compile(rb"(?<![A-Za-z])Sora(?![A-Za-z])"),
    "Stable Diffusion": re.compile(
        rb"(?i)stable[ _-]?diffusion|\bSteps: \d+, Sampler: |invokeai|automatic1111|sd-metadata"
    ),
    "ComfyUI": re.compile(rb"(?i)comfyui|\"class_type\"\s*:\s*\"KSampler"),
    "Adobe Firefly": re.compile(rb"(?i)firefly"),
    "Google AI": re.compile(rb"(?i)made with google ai|google_generative|imagen[ -]?\d|\bveo[ -]?\d"),
    "Runway": re.compile(rb"(?i)runwayml|runway gen-?\d"),
    "Pika": re.compile(rb"(?i)pika ?labs|pika\.art"),
    "Kling": re.compile(rb"(?i)klingai|kling ai"),
    "Jimeng": re.compile(rb"(?i)jimeng|dreamina|\xe5\x8d\xb3\xe6\xa2\xa6"),
    "Hailuo": re.compile(rb"(?i)hailuo ?ai|\xe6\xb5\xb7\xe8\x9e\xbaai"),
    "Luma": re.compile(rb"(?i)luma ?labs|dream ?machine"),
    "NovelAI": re.compile(rb"(?i)novelai"),
    "Flux": re.compile(rb"(?i)black forest labs|flux\.1"),
    # the label that Chinese rules of 2025 ask for in metadata
    "AIGC label": re.compile(rb"\"?AIGC\"?\s*[:=]\s*[{\"]|TC260:AIGC"),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: where it stands (`c2pa`, `xmp`, `exif`, `container`), what it names, how sure it is."""

    place: str
    value: str
    score: float


def read_marks(path: Path) -> list[Mark]:
    """Marks of machine-made content in a file's metadata; [] for a file without any, or without metadata.

    A `c2pa` manifest that names no generator has a low score: cameras and editors write manifests too.

    Raises:
        OSError: the file cannot be read.
    """
    found: dict[tuple[str, str], Mark] = {}
    with path.open("rb") as file:
        for place, data in _metadata(file):
            for mark in _marks(place, data):
                key = (mark.place, mark.value)
                if key not in found or found[key].score < mark.score:
                    found[key] = mark
    return sorted(found.values(), key=lambda mark: (-mark.score, mark.value))


def _marks(place: str, data: bytes) -> Iterator[Mark]:
    made = bool(_MACHINE_MADE.search(data))
    named = [name for name, pattern in GENERATORS.items() if pattern.search(data)]
    if place == "c2pa":
        yield Mark(place, "C2PA manifest", 0.3)
    for name in named:
        yield Mark(place, name, 0.98 if made else 0.9)
    if made and not named:
        yield Mark(place, "machine-made (IPTC)", 0.95)


def _metadata(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    head = file.read(16)
    file.seek(0)
    if head[:2] == b"\xff\xd8":
        yield from _jpeg(file)
    elif head[:8] == b"\x89PNG\r\n\x1a\n":
        yield from _png(file)
    elif head[:4] == b"RIFF":
        yield from _riff(file)
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        yield from _bmff(file, 0, _size(file), 0)
    else:
        size = _size(file)
        yield "container", file.read(min(size, EDGE))
        if size > EDGE:
            file.seek(max(EDGE, size - EDGE))
            yield "container", file.read(EDGE)


def _size(file: BinaryIO) -> int:
    here = file.tell()
    size = file.seek(0, 2)
    file.seek(here)
    return size


def _jpeg(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    file.seek(2)
    left = MOST
    while left > 0:
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] in (0xDA, 0xD9):
            return
        length = int.from_bytes(file.read(2), "big")
        if length < 2:
            return
        data = file.read(length - 2)
        left -= length
        if marker[1] == 0xEB and b"jumb" in data[:32]:
            yield ("c2pa" if b"c2pa" in data else "container"), data
        elif marker[1] == 0xE1:
            yield ("xmp" if data.startswith(b"http://ns.adobe.com/") else "exif"), data
        elif marker[1] in (0xED, 0xFE):
            yield "container", data


def _png(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    file.seek(8)
    left = MOST
    while left > 0:
        header = file.read(8)
        if len(header) < 8:
            return
        length, kind = int.from_bytes(header[:4], "big"), header[4:]
        if kind == b"IEND":
            return
        if kind in (b"caBX", b"tEXt", b"iTXt", b"zTXt", b"eXIf") and length <= left:
            data = file.read(length)
            left -= length
            file.seek(4, 1)
            if kind == b"caBX":
                yield "c2pa", data
            else:
                place = (
                    "exif" if kind == b"eXIf" else "xmp" if b"XML:com.adobe.xmp" in data[:40] else "container"
                )
                yield place, data
        else:
            file.seek(length + 4, 1)


def _riff(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    file.seek(12)
    left = MOST
    while left > 0:
        header = file.read(8)
        if len(header) < 8:
            return
        kind, length = header[:4], int.from_bytes(header[4:], "little")
        wanted = {b"C2PA": "c2pa", b"EXIF": "exif", b"XMP ": "xmp", b"LIST": "container"}.get(kind)
        if wanted and length <= left and not (kind == b"LIST" and length > EDGE):
            yield wanted, file.read(length)
            left -= length
            file.seek(length % 2, 1)
        else:
            file.seek(length + length % 2, 1)


def _bmff(file: BinaryIO, start: int, end: int, depth: int) -> Iterator[tuple[str, bytes]]:
    at = start
    boxes = 0
    while at + 8 <= end and boxes < 10_000:
        boxes += 1
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            return
        length, kind, body = int.from_bytes(header[:4], "big"), header[4:8], 8
        if length == 1 and len(header) == 16:
            length, body = int.from_bytes(header[8:], "big"), 16
        elif length == 0:
            length = end - at
        if length < body or at + length > end:
            return
        if kind == b"uuid" and length - body <= MOST:
            file.seek(at + body)
            data = file.read(length - body)
            if data[:16] == _C2PA_UUID:
                yield "c2pa", data[16:]
            elif data[:16] == _XMP_UUID:
                yield "xmp", data[16:]
        elif kind in _PARENTS and depth < 6:
            inner = at + body
            file.seek(inner)
            if kind == b"meta" and file.read(8)[4:8] != b"hdlr":  # a full box: version and flags come first
                inner += 4
            if kind in (b"udta", b"meta") and length <= EDGE:
                file.seek(inner)
                yield "container", file.read(at + length - inner)
            else:
                yield from _bmff(file, inner, at + length, depth + 1)
        at += length
