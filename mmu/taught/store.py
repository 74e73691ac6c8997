"""Taught concepts on disk: one JSON file each in `$MMU_HOME/taught`, apart from the shipped ontology.

The file holds prototypes, no pictures, sounds or texts. Prototypes of faces and
voices are biometric data; `remove` deletes them with the file.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from kg import Facet
from mmu.errors import ConfigError, StoreError
from mmu.taught.learn import Learned, Prototype, Trial
from mmu.taught.spaces import Space, Vectors
from models.store import default_root

LONGEST_NAME = 40


def _pack(vector: Vectors) -> str:
    return base64.b64encode(np.asarray(vector, np.float16).tobytes()).decode()


def _unpack(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return np.frombuffer(base64.b64decode(value, validate=True), np.float16).astype(np.float32)


Packed = Annotated[Any, BeforeValidator(_unpack), PlainSerializer(_pack, when_used="json")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoredPrototype(_Model):
    """A prototype as the file holds it: half floats in base64."""

    vector: Packed
    near: float
    far: float
    width: float = Field(gt=0)


class TaughtConcept(_Model):
    """One taught concept: a node of the graph and its prototypes."""

    schema_: Literal["mmu.taught/1"] = Field("mmu.taught/1", alias="schema")
    name: str
    #: id in the graph: `taught:NAME`, or that of a shipped concept that has this name
    concept: str
    facet: Facet = "topic"
    is_a: list[str] = Field(default_factory=list)
    created: datetime
    examples: list[str]
    against: list[str] = Field(default_factory=list)
    spaces: dict[Space, StoredPrototype]
    trial: dict[Literal["examples", "others"], list[float]]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    @property
    def prototypes(self) -> dict[Space, Prototype]:
        """The prototypes ready for use."""
        return {
            space: Prototype(one.vector, one.near, one.far, one.width) for space, one in self.spaces.items()
        }

    @property
    def measured(self) -> Trial:
        """How it did on its own examples."""
        return Trial(tuple(self.trial["examples"]), tuple(self.trial["others"]))

    @property
    def new(self) -> bool:
        """Whether the concept is a node of its own, not one of the shipped graph."""
        return self.concept == concept_id(self.name)


def stored_spaces(learned: Learned) -> dict[Space, StoredPrototype]:
    """Prototypes in the form that is stored."""
    return {
        space: StoredPrototype(vector=one.vector, near=one.near, far=one.far, width=one.width)
        for space, one in learned.prototypes.items()
    }


def concept_id(name: str) -> str:
    """The id of a node that was taught."""
    return f"taught:{name}"


def check_name(name: str) -> str:
    """The name with single spaces.

    Raises:
        ConfigError: it is empty, too long, or holds control characters.
    """
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST_NAME or not plain.isprintable():
        raise ConfigError(f"a name has 1 to {LONGEST_NAME} printable characters, not {name!r}")
    return plain


class TaughtStore:
    """The folder of taught concepts."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root() / "taught"

    def all(self) -> list[TaughtConcept]:
        """Every concept, by name.

        Raises:
            StoreError: a file is damaged; the message names it.
        """
        try:
            paths = sorted(self.root.glob("*.json"))
            found = [self._read(path) for path in paths]
        except OSError as error:
            raise StoreError(f"cannot read {self.root}: {error.strerror}") from error
        return sorted(found, key=lambda one: one.name)

    def save(self, concept: TaughtConcept) -> Path:
        """Write a concept in one step; one of the same name is replaced."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=self.root, suffix=".tmp", delete=False
            ) as file:
                file.write(concept.model_dump_json(by_alias=True, indent=1))
            Path(file.name).replace(self._path(concept.name))
        except OSError as error:
            raise StoreError(f"cannot write {self.root}: {error.strerror}") from error
        return self._path(concept.name)

    def remove(self, name: str) -> None:
        """Forget a concept.

        Raises:
            StoreError: there is none of this name.
        """
        try:
            self._path(check_name(name)).unlink()
        except FileNotFoundError:
            known = ", ".join(one.name for one in self.all()) or "none"
            raise StoreError(f"nothing was taught as {name!r}; known: {known}") from None
        except OSError as error:
            raise StoreError(f"cannot remove {name!r}: {error.strerror}") from error

    @property
    def digest(self) -> str:
        """Changes with every concept that is taught or removed; empty without any."""
        parts = sorted(path.name + path.read_text("utf-8") for path in self.root.glob("*.json"))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest() if parts else ""

    def _path(self, name: str) -> Path:
        # Names may hold any character; files are named by their hash.
        return self.root / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"

    @staticmethod
    def _read(path: Path) -> TaughtConcept:
        try:
            return TaughtConcept.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, ValueError) as error:
            raise StoreError(
                f"{path} is not a taught concept (mmu.taught/1): {str(error).splitlines()[0]}; "
                "remove the file or teach the concept again"
            ) from error
