"""From photo files to faces: enrolment, look-up and the face mesh."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError, MediaError
from mmu.gallery.store import Gallery
from mmu.media.open import open_clip
from mmu.media.options import DecodeOptions
from mmu.perception.faces import Face, FaceAnalyzer, describe_image

#: long side to which a larger photo is scaled down
_MAX_SIDE = 2048
#: a face of less quality is no basis for knowing somebody again
MIN_QUALITY = 0.15
#: two photos of one person that are less alike are worth a warning
_DOUBTFUL = 0.30


class Photo(NamedTuple):
    """A decoded photo."""

    #: (h, w, 3) uint8 BGR, upright, at most 2048 pixels on the long side
    image: NDArray[np.uint8]
    #: of the file's bytes
    sha256: str
    #: pixels of the file per pixel of `image`
    scale: float


class Enrolment(NamedTuple):
    """What became of one photo."""

    #: False when the photo was there already
    added: bool
    quality: float
    #: what a person should look at; empty when all is well
    warnings: tuple[str, ...]


def read_photo(path: str | Path) -> Photo:
    """Decode a photo, or the first frame of a video, in the sandboxed decoder.

    Raises:
        MediaError: it cannot be decoded or has no picture.
    """
    options = DecodeOptions(max_side=_MAX_SIDE, max_frames=2, max_seconds=1.0)
    with open_clip(str(path), options=options, audio_rates=frozenset()) as clip:
        if not len(clip.times):
            raise MediaError(f"{path} has no picture", code="no_video")
        return Photo(clip.frame(0).image, clip.sha256, clip.scale)


def only_face(faces: list[Face], *, path: str | Path, largest: bool = False) -> Face:
    """The face that a photo is meant to show.

    Args:
        faces: largest first.
        path: of the photo, for messages.
        largest: take the largest of several.

    Raises:
        ConfigError: there is none, or there are several and `largest` is false.
    """
    if not faces:
        raise ConfigError(
            f"no face found in {path}: use a photo that shows the face larger and from the front"
        )
    if len(faces) > 1 and not largest:
        raise ConfigError(
            f"{len(faces)} faces in {path}: crop the photo to one person, or take the largest with --largest"
        )
    return faces[0]


def enrol(
    gallery: Gallery, name: str, path: str | Path, analyzer: FaceAnalyzer, *, largest: bool = False
) -> Enrolment:
    """Add the face of one photo to a person of the gallery.

    Raises:
        ConfigError: no face, several faces without `largest`, or a face too poor to go by.
        MediaError: the photo cannot be decoded.
        StoreError: the gallery cannot be written.
    """
    photo = read_photo(path)
    face = only_face(describe_image(photo.image, analyzer), path=path, largest=largest)
    if face.quality < MIN_QUALITY:
        raise ConfigError(
            f"the face in {path} is too small, blurred or turned away (quality {face.quality:.2f}, "
            f"needed {MIN_QUALITY:.2f}): use a clearer photo"
        )
    warnings = _doubts(gallery, name, face.embedding)
    added = gallery.add(
        name, face.embedding, photo=Path(path).name, sha256=photo.sha256, quality=face.quality
    )
    return Enrolment(added, face.quality, warnings if added else ())


def _doubts(gallery: Gallery, name: str, embedding: NDArray[np.float32]) -> tuple[str, ...]:
    known = gallery.snapshot()
    out = []
    own = [float(v @ embedding) for n, v in zip(known.names, known.vectors, strict=True) if n == name]
    if own and max(own) < _DOUBTFUL:
        out.append(f"it does not look like the other photos of {name} (cosine {max(own):.2f})")
    match = known.match(embedding)
    if match is not None and match.name != name:
        out.append(f"it looks like {match.name} (cosine {match.score:.2f})")
    return tuple(out)
