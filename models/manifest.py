"""`manifest.toml` as typed values: every network, its files, and where each may come from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from models.errors import ModelError

PROFILES = ("cpu", "gpu", "stems", "sample")
MANIFEST_PATH = Path(__file__).with_name("manifest.toml")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)

#: cpu: what runs everywhere; gpu: full-size networks; stems: separation of voice and music; sample: media
#: for the demo
Profile = Literal["cpu", "gpu", "stems", "sample"]


@dataclass(frozen=True, slots=True, order=True)
class Wheel:
    """One release of a package, as a wheel or as a source archive.

    `filename` is set for source archives, and where a release has a wheel for each platform.
    """

    package: str
    version: str
    filename: str = ""

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def is_source(self) -> bool:
        """Whether it is a source archive."""
        return self.filename.endswith(".tar.gz")


@dataclass(frozen=True, slots=True)
class Part:
    """One member of a wheel or source archive."""

    wheel: Wheel
    member: str


@dataclass(frozen=True, slots=True)
class WheelSource:
    """The file is these members, one after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class UrlSource:
    """The file is what this address serves."""

    url: str


@dataclass(frozen=True, slots=True)
class ConvertSource:
    """The file is what the converter `by` makes of `inputs`."""

    by: str
    inputs: tuple[ModelFile, ...]


Source = WheelSource | UrlSource | ConvertSource


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file; its SHA-256 decides, whatever place it came from."""

    name: str
    sha256: str
    bytes: int
    sources: tuple[Source, ...]

    def parts(self) -> list[Part]:
        """Return all package members that any of its sources reads."""
        return [part for source in self.sources for part in parts_of(source)]


@dataclass(frozen=True, slots=True)
class Model:
    """One network: what it is for, what it takes and gives, under which licences, in which files."""

    name: str
    version: str
    task: str
    profile: Profile
    upstream: str
    licence_code: str
    licence_weights: str
    input: str
    output: str
    files: tuple[ModelFile, ...]

    @property
    def source(self) -> str:
        """What a signal of this network names as its source, as in `yunet@2023mar`."""
        return f"{self.name}@{self.version}"

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)

    def file(self, name: str | None = None) -> ModelFile:
        """Return the file `name`, or the only file.

        Raises:
            ModelError: there is no such file, or there are several and no name was given.
        """
        known = ", ".join(file.name for file in self.files)
        if name is None:
            if len(self.files) > 1:
                raise ModelError(f"model {self.name!r} has several files, name one of: {known}")
            return self.files[0]
        for file in self.files:
            if file.name == name:
                return file
        raise ModelError(f"model {self.name!r} has no file {name!r}; its files are: {known}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """All models, in the order of the file."""

    models: tuple[Model, ...]

    def model(self, name: str) -> Model:
        """Return one model.

        Raises:
            ModelError: no model of that name.
        """
        for model in self.models:
            if model.name == name:
                return model
        raise ModelError(f"unknown model {name!r}; known are: {', '.join(m.name for m in self.models)}")

    def select(self, names: Iterable[str] = (), *, profile: str | None = None) -> tuple[Model, ...]:
        """Return the named models, or with no names those of `profile` (all when that is None).

        Raises:
            ModelError: an unknown name or profile.
        """
        if profile is not None and profile not in PROFILES:
            raise ModelError(f"unknown profile {profile!r}; known are: {', '.join(PROFILES)}")
        wanted = list(dict.fromkeys(names))
        if wanted:
            return tuple(self.model(name) for name in wanted)
        return tuple(m for m in self.models if profile is None or m.profile == profile)


def parts_of(source: Source) -> list[Part]:
    """Return the package members that a source reads."""
    match source:
        case WheelSource(parts):
            return list(parts)
        case ConvertSource(_, inputs):
            return [part for file in inputs for part in file.parts()]
    return []


def read_manifest(path: Path) -> Manifest:
    """Read a manifest file.

    Raises:
        ModelError: not there, not TOML, or an entry is wrong; the message names it.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read the model manifest {path}: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"model manifest {path} is not valid TOML: {error}") from error
    manifest = Manifest(tuple(_model(entry) for entry in data.get("models", [])))
    names = [model.name for model in manifest.models]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ModelError(f"model manifest {path} lists {', '.join(sorted(doubled))} more than once")
    return manifest


@cache
def load_manifest() -> Manifest:
    """Return the manifest that ships with the package."""
    return read_manifest(MANIFEST_PATH)


def _model(entry: Mapping[str, Any]) -> Model:
    name = str(entry.get("name", "?"))
    try:
        profile = entry["profile"]
        if profile not in PROFILES:
            raise ValueError(f"profile {profile!r} is not one of {', '.join(PROFILES)}")
        files = tuple(_file(file) for file in entry["files"])
        texts = {
            key: _text(entry[key])
            for key in ("version", "task", "upstream", "licence_code", "licence_weights", "input", "output")
        }
        if not files or not _NAME.fullmatch(name):
            raise ValueError("needs a plain name and at least one file")
        return Model(name=name, profile=profile, files=files, **texts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"model manifest, model {name!r}: {what}") from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected a text, got {value!r}")
    return value


def _file(entry: Mapping[str, Any]) -> ModelFile:
    name, digest, size = _text(entry["name"]), _text(entry["sha256"]), entry["bytes"]
    if not _NAME.fullmatch(name):
        raise ValueError(f"file name {name!r} is not a plain name")
    if not _SHA256.fullmatch(digest):
        raise ValueError(f"file {name!r}: sha256 {digest!r} is not 64 lower-case hex digits")
    if not isinstance(size, int) or size <= 0:
        raise ValueError(f"file {name!r}: bytes {size!r} is not a positive number")
    sources = tuple(_source(source) for source in entry["sources"])
    if not sources:
        raise ValueError(f"file {name!r} has no source")
    return ModelFile(name, digest, size, sources)


def _source(entry: Mapping[str, Any]) -> Source:
    match entry["kind"]:
        case "wheel" | "sdist":
            return WheelSource(tuple(_part(part) for part in entry.get("parts", [entry])))
        case "url":
            return UrlSource(_text(entry["url"]))
        case "convert":
            return ConvertSource(_text(entry["by"]), tuple(_file(file) for file in entry["inputs"]))
        case kind:
            raise ValueError(f"source kind {kind!r} is not one of wheel, sdist, url, convert")


def _part(entry: Mapping[str, Any]) -> Part:
    source = "sdist" in entry
    package, _, version = _text(entry["sdist" if source else "wheel"]).partition("==")
    if not version:
        raise ValueError(f"package {package!r} must be pinned, as in name==1.0")
    member = _text(entry["member"])
    if PurePosixPath(member).is_absolute() or ".." in PurePosixPath(member).parts:
        raise ValueError(f"member {member!r} leaves its archive")
    filename = f"{package}-{version}.tar.gz" if source else str(entry.get("filename", ""))
    return Part(Wheel(package, version, filename), member)
