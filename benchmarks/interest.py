"""Worth of feature groups on a simulated population whose rule is known.

    python -m benchmarks.interest [--users N] [--videos N] [--shown N]

Rule: log-odds of a click = 2.2 if the user likes the video's topic (else -1.4), + 1.6 x how much
the user likes smiling faces x whether it smiles, + 0.5 x quality in standard deviations, and a
weak taste for one scene. What is heard plays no part. Three users of ten like each topic.
"""

from __future__ import annotations

import argparse

import numpy as np

from mmu.interest.features import COLUMNS, GROUPS
from mmu.interest.history import Event
from mmu.interest.model import evaluate
from mmu.interest.table import Group, Table

_TOPICS, _SCENES, _SONGS = 12, 8, 20


def population(*, users: int, videos: int, shown: int) -> tuple[Table, list[Event]]:
    """Videos with features and the events of users that follow the rule above."""
    draw = np.random.default_rng(17)
    topic, scene = draw.integers(0, _TOPICS, videos), draw.integers(0, _SCENES, videos)
    smiles, quality = draw.random(videos) < 0.4, draw.standard_normal(videos)
    tokens: dict[str, list[dict[str, float]]] = {
        "visual": [{f"scene:{one}": 0.8} for one in scene],
        "face": [{"expression:happy": 0.9} if one else {} for one in smiles],
        "audio": [{f"song:{one}": 0.9} for one in draw.integers(0, _SONGS, videos)],
        "text": [{f"topic:{one}": 0.9} for one in topic],
        "quality": [{} for _ in range(videos)],
    }
    groups = {}
    for name in GROUPS:
        columns = [column.name for column in COLUMNS if column.group == name]
        numbers = draw.standard_normal((videos, len(columns))).astype(np.float32)
        if name == "quality":
            numbers[:, columns.index("overall")] = quality
        if name == "face":
            numbers[:, columns.index("smiling")] = smiles
        groups[name] = Group(columns, numbers, tokens[name])
    likes_topic = draw.random((users, _TOPICS)) < 0.3
    likes_smiles, likes_scene = draw.choice([-1.0, 1.0], users), draw.integers(0, _SCENES, users)
    events = []
    for user in range(users):
        for time, video in enumerate(draw.permutation(videos)[:shown]):
            odds = 2.2 if likes_topic[user, topic[video]] else -1.4
            odds += 1.6 * likes_smiles[user] * float(smiles[video]) + 0.5 * quality[video]
            odds += 0.6 * float(scene[video] == likes_scene[user])
            clicked = bool(draw.random() < 1 / (1 + np.exp(-odds)))
            events.append(Event(f"user {user}", f"video {video}", clicked, float(time)))
    names = [f"video {at}" for at in range(videos)]
    return Table(names, names, groups), sorted(events, key=lambda event: event.time)


def main() -> None:
    """Simulate, judge, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--videos", type=int, default=1500)
    parser.add_argument("--shown", type=int, default=100, help="videos shown to each user")
    args = parser.parse_args()
    table, events = population(users=args.users, videos=args.videos, shown=args.shown)
    judged = evaluate(table, events)
    print(f"AUC on {judged.events} events of {judged.videos} videos never seen in training")
    print("| group | AUC |\n|---|---:|")
    for name, value in judged.auc.items():
        print(f"| {name} | {value:.3f} |")


if __name__ == "__main__":
    main()
