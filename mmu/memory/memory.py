"""`Memory`: reports as a graph of videos, people, voices, songs, names, concepts, topics and copies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self, get_args

import numpy as np
from numpy.typing import NDArray

import kg
from kg.entities import load_entities
from kg.linker import normalise
from kg.store import GraphStore, Link, Node
from kg.walk import Shared, leading_to, near, together
from mmu.errors import ConfigError, StoreError
from mmu.outcome import Outcome
from mmu.report.schema import Report
from mmu.report.schema_entities import EntityKind
from mmu.search.example import Copies
from models.store import default_root

#: cosine from which a face or voice without a name is one that was met before; stricter than for a
#: gallery, since nobody checked the first one
SAME = {"person": 0.5, "voice": 0.68}
#: what leads from a video to a node of each kind
RELATIONS = {
    "concept": "shows",
    "topic": "about",
    "category": "in_category",
    "person": "features",
    "voice": "speaks",
    "song": "plays",
    "name": "names",
    "video": "copy_of",
}
#: kinds of entities, as their ids begin
NAMED = get_args(EntityKind)


@dataclass(frozen=True, slots=True)
class Follows:
    """Something that is likely where another thing is, and why it is thought so."""

    concept: str
    name: str
    probability: float
    why: str


class Memory:
    """The graph of all videos on disk; a context manager.

    Args:
        folder: where it lives (default: `memory` in the user's store).
        create: make it when it is missing.
        graph: the ontology (default: the shipped one).

    Raises:
        GraphError: the files cannot be opened, or were written by another version.
    """

    def __init__(
        self, folder: Path | None = None, *, create: bool = True, graph: kg.Graph | None = None
    ) -> None:
        self.folder = folder or default_root() / "memory"
        self.store = GraphStore(self.folder / "graph.sqlite", create=create)
        self.graph = graph or kg.load()
        self._copies = Copies(self.folder / "hashes")

    def add(self, report: Report) -> bool:
        """Remember a report; what was known of the same video is replaced.

        Returns:
            False when the video was known.

        Raises:
            ConfigError: the report is of a file that could not be read.
        """
        if not report.id or report.outcome == Outcome.FAILED:
            raise ConfigError(f"{report.uri}: the report says failed; there is nothing to remember")
        copies = [one for one in self._copies.of(report) if self._older(one.sha256, report.id)]
        links = [*_things(report), *self._met(report)]
        for copy in copies:
            start, end = copy.span or (None, None)
            links.append(Link("copy_of", Node("video", copy.sha256), round(copy.score, 4), start, end))
        data = {
            "uri": report.uri,
            "seconds": report.media.duration if report.media else 0.0,
            "added": round(time.time()),
        }
        name = report.title or Path(report.uri).name
        new = self.store.put(Node("video", report.id, name, data), links)
        self._copies.add([report])
        return new

    def videos_with(self, *what: str, limit: int = 20) -> list[tuple[Node, float]]:
        """Videos that lead to all of these: people, voices, songs, topics; concepts with their kinds.

        Raises:
            StoreError: the memory knows nothing of one of them.
        """
        return leading_to(self.store, [self._targets(one) for one in what], limit=limit)

    def neighbours(self, video: str, *, limit: int = 10) -> list[tuple[Node, float, list[Shared]]]:
        """Videos that share the most telling things with this one, with what they share.

        Raises:
            StoreError: an unknown video.
        """
        return near(self.store, self._video(video), limit=limit)

    def follows(self, what: str, *, limit: int = 12) -> list[Follows]:
        """What is likely where this concept is, or what follows from what is known of this video.

        By the ontology (`is_a`, `implies`), and by the videos that are remembered.

        Raises:
            StoreError: neither a video nor a concept.
        """
        found: dict[str, Follows] = {}
        videos = self._videos(what)
        if videos:
            known = {link.target.key: link for link in self.store.links(videos[0])}
            for link in known.values():
                if link.target.kind == "concept" and link.target.key in self.graph:
                    self._imply(link.target.key, link.weight, found)
            found = {key: one for key, one in found.items() if key not in known}
        else:
            concepts = self._concepts(what)
            if not concepts:
                raise StoreError(f"{what!r} is neither a video in the memory nor a concept")
            for concept in concepts:
                self._imply(concept, 1.0, found)
                self._accompany(concept, found, limit)
            for concept in concepts:
                found.pop(concept, None)
        return sorted(found.values(), key=lambda one: -one.probability)[:limit]

    def remove(self, kind: str, key: str) -> bool:
        """Delete a node with its edges; False when there was none."""
        if kind == "video":
            self._copies.remove([key])
        return self.store.remove(kind, key)

    def video_keys(self, which: str) -> list[str]:
        """SHA-256 of the videos of a URI, name, title or SHA-256."""
        return [self.store.node(number).key for number in self._videos(which)]

    def close(self) -> None:
        """Close the files."""
        self._copies.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _older(self, one: str, than: str) -> bool:
        """Whether the first video was remembered before the second: of two copies it is the original."""
        first, second = self.store.id_of("video", one), self.store.id_of("video", than)
        return first is not None and (second is None or first < second)

    def _met(self, report: Report) -> list[Link]:
        """Who is seen and heard: by name, else by likeness with those met before, given embeddings."""
        links: dict[tuple[str, str], Link] = {}
        length = max(1e-6, report.media.duration if report.media else 0.0)
        seen = [("person", one.name, one.embedding, one.seconds, one.spans) for one in report.people]
        heard = [("voice", one.name, one.embedding, one.seconds, one.turns) for one in report.speakers]
        for kind, name, embedding, seconds, spans in seen + heard:
            node = Node(kind, name, name) if name else self._recognised(kind, embedding)
            if node is None:
                continue
            start, end = (spans[0][0], spans[-1][1]) if spans else (None, None)
            link = Link(RELATIONS[kind], node, round(min(1.0, seconds / length), 4), start, end)
            known = links.get((kind, node.key))
            if known is None or link.weight > known.weight:
                links[kind, node.key] = link
        return list(links.values())

    def _recognised(self, kind: str, embedding: list[float] | None) -> Node | None:
        if embedding is None:
            return None
        vector = _unit(np.asarray(embedding, np.float32))
        known = self.store.vectors(kind)
        if known:
            table = np.frombuffer(b"".join(value for _, value in known), "<f2").astype(np.float32)
            cosines = table.reshape(len(known), -1) @ vector
            best = int(cosines.argmax())
            if cosines[best] >= SAME[kind]:
                return self.store.node(known[best][0])
        number = 1 + max((int(self.store.node(one).key[1:]) for one, _ in known), default=0)
        node = Node(kind, f"#{number}", f"{kind} #{number}")
        self.store.set_vector(node, vector.astype("<f2").tobytes())
        return node

    def _imply(self, concept: str, belief: float, found: dict[str, Follows]) -> None:
        queue = [(concept, belief, self.graph.concept(concept).en)]
        while queue:
            one, probability, path = queue.pop()
            for edge in self.graph.edges(one):
                value = probability * edge.weight
                known = found.get(edge.target)
                if value < 0.05 or (known is not None and known.probability >= value):
                    continue
                node = self.graph.concept(edge.target)
                chain = f"{path} –{edge.relation}→ {node.en}"
                found[edge.target] = Follows(edge.target, f"{node.zh} {node.en}", round(value, 3), chain)
                queue.append((edge.target, value, chain))

    def _accompany(self, concept: str, found: dict[str, Follows], limit: int) -> None:
        number = self.store.id_of("concept", concept)
        if number is None:
            return
        ((total,),) = self.store.read("SELECT degree FROM node WHERE id = ?", (number,))
        for node, both, _ in together(self.store, number, kind="concept", limit=limit):
            # Laplace: two of two videos prove little
            share = (both + 1) / (total + 2)
            if node.key not in found or found[node.key].probability < share:
                why = f"in {both} of {total} videos with {concept}"
                found[node.key] = Follows(node.key, node.name, round(share, 3), why)

    def _targets(self, what: str) -> list[int]:
        concepts = [key for one in self._concepts(what) for key in [one, *_below(one, self.graph)]]
        found = [number for key in concepts if (number := self.store.id_of("concept", key)) is not None]
        names = [f"{kind}:{normalise(what)}" for kind in NAMED] + [
            one.concept for one in load_entities().link(what) if one.alias == normalise(what)
        ]
        found += [number for key in names if (number := self.store.id_of("name", key)) is not None]
        kinds = [kind for kind in RELATIONS if kind != "concept"]
        found += [number for number, node in self.store.find(what) if node.kind in kinds]
        if not found:
            raise StoreError(f"the memory knows no person, voice, song, name, topic or concept {what!r}")
        return sorted(set(found))

    def _concepts(self, what: str) -> list[str]:
        return [what] if what in self.graph else [concept for concept, _ in self.graph.by_name(what)]

    def _videos(self, what: str) -> list[int]:
        by_key = [number for number, _ in self.store.find(what, "video")]
        if by_key:
            return by_key
        rows = self.store.read(
            "SELECT id FROM node WHERE kind = 'video' AND json_extract(data, '$.uri') = ?", (what,)
        )
        return [int(number) for (number,) in rows]

    def _video(self, what: str) -> int:
        found = self._videos(what)
        if not found:
            raise StoreError(f"no video {what!r} in the memory: give its URI, file name, title or SHA-256")
        return found[0]


def _things(report: Report) -> list[Link]:
    links = []
    for tag in report.tags:
        start, end = tag.spans[0] if tag.spans else (None, None)
        node = Node("concept", tag.id, f"{tag.name.zh} {tag.name.en}")
        links.append(Link("shows", node, round(tag.score, 4), start, end))
    for topic in report.topics:
        if topic.action in ("keep", "merge"):
            links.append(
                Link("about", Node("topic", topic.canonical, topic.canonical), round(topic.score, 4))
            )
    if report.category:
        name = f"{report.category.name.zh} {report.category.name.en}"
        links.append(Link("in_category", Node("category", report.category.id, name), report.category.score))
    for entity in report.entities:
        start, end = next((one.span for one in entity.mentions if one.span), None) or (None, None)
        name = entity.name.zh if entity.name.zh == entity.name.en else f"{entity.name.zh} {entity.name.en}"
        links.append(Link("names", Node("name", entity.id, name), entity.score, start, end))
    for song in report.music.songs if report.music else ():
        links.append(Link("plays", Node("song", song.title, song.title), song.score, song.start, song.end))
    return links


def _below(concept: str, graph: kg.Graph) -> list[str]:
    found: list[str] = []
    level = [concept]
    while level:
        level = [child for one in level for child in graph.children(one) if child not in found]
        found += level
    return found


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / max(1e-9, float(np.linalg.norm(vector))), np.float32)
