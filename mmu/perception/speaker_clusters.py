"""Which pieces of speech belong to one speaker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

#: mean cosine similarity from which two groups are one speaker
SAME_SPEAKER = 0.5
#: a group with less speech than the first joins its nearest neighbour in any case, one with less than the
#: second when that is at least so similar, seconds
_LEAST_SECONDS, _LITTLE_SECONDS, _SOMEWHAT = 1.2, 2.5, 0.25


def cluster(
    embeddings: NDArray[np.float32],
    seconds: NDArray[np.float64],
    *,
    threshold: float = SAME_SPEAKER,
    apart: NDArray[np.float64] | None = None,
) -> NDArray[np.intp]:
    """Speaker of each piece by agglomerative clustering with average linkage.

    Args:
        embeddings: (n, d) float32, L2-normalised.
        seconds: (n,) length of each piece.
        threshold: cosine similarity at which groups are no longer joined.
        apart: (n, n) added to the cosine distances of pairs that are unlikely to be one speaker.

    Returns:
        (n,) speaker numbers from 0, in the order in which they first speak.
    """
    if len(embeddings) < 2:
        return np.zeros(len(embeddings), np.intp)
    distances = pdist(embeddings, "cosine")
    if apart is not None:
        distances = distances + apart[np.triu_indices(len(embeddings), 1)]
    tree = linkage(distances, "average")
    labels = np.asarray(fcluster(tree, 1 - threshold, "distance"))
    while True:
        names = np.unique(labels)
        if names.size == 1:
            break
        lengths = np.array([seconds[labels == name].sum() for name in names])
        smallest = int(lengths.argmin())
        if lengths[smallest] >= _LITTLE_SECONDS:
            break
        centres = np.stack([centroid(embeddings[labels == name]) for name in names])
        similar = centres @ centres[smallest]
        similar[smallest] = -np.inf
        if lengths[smallest] >= _LEAST_SECONDS and similar.max() < _SOMEWHAT:
            break
        labels[labels == names[smallest]] = names[int(similar.argmax())]
    order: dict[int, int] = {}
    return np.array([order.setdefault(int(label), len(order)) for label in labels], np.intp)


def centroid(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """(d,) float32 mean direction, L2-normalised."""
    mean = embeddings.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)
