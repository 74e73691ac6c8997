"""`mmu tag FILE…`: analyse videos and print or write their reports."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmu.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from mmu.analyzer import Analyzer
    from mmu.media.options import DecodeOptions
    from mmu.report.schema import Name, Report

TAGS_SHOWN = 12
EVENTS_SHOWN = 12
NAMES_SHOWN = 12


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `tag` command."""
    from mmu.perception.names import CPU_STAGES

    parser = commands.add_parser(
        "tag",
        help="analyse videos: tags with evidence, category, caption, quality, topics, moderation",
        description="Analyse videos, pictures or sound files, and print a summary. "
        "--title and --topics hold for every file given.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="path, http(s) URL or fsspec URL")
    parser.add_argument("--title", default="", help="the title given with the video")
    parser.add_argument(
        "--topics",
        default="",
        metavar="A,B",
        help="hashtags given with the video, separated by commas or spaces",
    )
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="DIR",
        help="write DIR/NAME.json; without DIR print JSON, one report a line for several files",
    )
    parser.add_argument("--html", metavar="DIR", help="write DIR/NAME.html")
    parser.add_argument("--profile", help="networks to use: cpu or gpu (default: cpu)")
    parser.add_argument(
        "--config", metavar="FILE", help="YAML file that gives stages to other networks (docs/weights.md)"
    )
    parser.add_argument(
        "--only",
        default="",
        metavar="STAGES",
        help=f"run only these stages, comma-separated: {', '.join(CPU_STAGES)}",
    )
    parser.add_argument(
        "--skip",
        default="",
        metavar="STAGES",
        help="leave out these stages, comma-separated (names: see --only)",
    )
    parser.add_argument("--policy", metavar="FILE", help="moderation policy (default: the shipped one)")
    parser.add_argument(
        "--shadow-policy",
        action="append",
        default=[],
        metavar="FILE",
        help="a further policy, evaluated and reported, never acted on (may be repeated)",
    )
    parser.add_argument(
        "--moderation-model", metavar="DIR", help="a trained text classifier (see `mmu policy train`)"
    )
    parser.add_argument(
        "--gallery", metavar="FILE", help="name the people whose face is in this gallery (see `mmu people`)"
    )
    parser.add_argument(
        "--learned",
        metavar="FILE",
        help="numbers that `mmu learn` wrote (default: those in $MMU_HOME, if any; `none`: the shipped ones)",
    )
    parser.add_argument(
        "--voices", metavar="FILE", help="name the speakers whose voice is in this gallery (see `mmu voices`)"
    )
    parser.add_argument(
        "--songs", metavar="DIR", help="recognise tracks of this song library (see `mmu songs`)"
    )
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    parser.add_argument(
        "--keyframes", action="store_true", help="decode keyframes only: much faster, coarser"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def run(args: argparse.Namespace) -> int:
    """Analyse every file; 0 when all are ok, 1 when one failed or is partial."""
    from mmu.media.ahead import begun
    from mmu.media.options import DecodeOptions

    for place in (args.json, args.html):
        if place and place != "-":
            _make_folder(place)
    names = _unique_names(args.files)
    clean = True
    decode = DecodeOptions(keyframes_only=args.keyframes)
    chosen = bool(args.config or _names(args.only) or _names(args.skip))
    with (
        begun(args.files[0], profile=args.profile, options=decode, chosen=chosen) as ahead,
        _analyzer(args, decode) as analyzer,
    ):
        for file, name in zip(args.files, names, strict=True):
            with _Bar(file, quiet=args.quiet) as bar:
                report = analyzer.analyze(
                    file, title=args.title, topics=args.topics, progress=bar, ahead=ahead
                )
            ahead = None
            clean = clean and report.outcome == "ok"
            if any(error.code == "not_a_file" for error in report.errors) and Path(file).is_dir():
                print(_whole_folder(file), file=sys.stderr)
            _emit(report, name, file, args, several=len(args.files) > 1)
    return 0 if clean else 1


def _analyzer(args: argparse.Namespace, decode: DecodeOptions) -> Analyzer:
    from mmu.analyzer import Analyzer

    return Analyzer(
        profile=args.profile,
        config=args.config,
        only=_names(args.only),
        skip=_names(args.skip) or (),
        threads=args.threads,
        policy=args.policy,
        shadow_policies=args.shadow_policy,
        classifier=args.moderation_model,
        gallery=args.gallery,
        learned=False if args.learned == "none" else args.learned,
        voices=args.voices,
        songs=args.songs,
        decode=decode,
    )


def _whole_folder(folder: str) -> str:
    """What to do with a folder."""
    place = shlex.quote(folder.rstrip("/") or "/")
    return (
        f"mmu: {folder} is a folder: name its files (`mmu tag {place}/*.mp4`), or make tables of all that is "
        f"in it (`python -m pipelines.batch --src {place} --out FOLDER`)"
    )


def _emit(report: Report, name: str, file: str, args: argparse.Namespace, *, several: bool) -> None:
    if args.json == "-":
        print(report.to_json(indent=None if several else 2))
    elif args.json:
        _write(Path(args.json) / f"{name}.json", report.to_json())
    if args.html:
        from mmu.report.html import render_html

        local = Path(file)
        video = local if local.is_file() else None
        page = render_html(report, video=video, base=Path(args.html))
        _write(Path(args.html) / f"{name}.html", page)
    if args.json != "-":
        print(summary(report))


def summary(report: Report) -> str:
    """A few lines for a terminal."""
    lines = [f"{report.uri}: {report.outcome}"]
    lines += [f"  ! {error.where}: {error.message}" for error in report.errors]
    if report.caption:
        lines += [f"  {report.caption.text.zh}", f"  {report.caption.text.en}"]
    if report.category:
        category = report.category
        lines.append(f"  category  {category.name.zh} · {category.name.en}  {category.score:.2f}")
    for tag in report.tags[:TAGS_SHOWN]:
        best = max(tag.evidence, key=lambda one: one.weight)
        path = " → ".join(step.text for step in best.path)
        lines.append(f"  {tag.score:4.2f}  {tag.name.zh} · {tag.name.en}  [{tag.facet}]  {best.axis}: {path}")
    if report.emotion:
        emotion = report.emotion
        axes = ", ".join(f"{axis} {label}" for axis, (label, _) in emotion.axes.items())
        name = f"{emotion.name.zh} · {emotion.name.en}" if emotion.name else emotion.label
        lines.append(f"  emotion   {name}  {emotion.score:.2f} ({axes})")
    lines += [f"  ! mismatch {one.score:.2f}  {one.text.zh}" for one in report.contradictions]
    lines += [f"             {one.text.en}" for one in report.contradictions]
    lines += [f"  {clock(one.start)}  {one.text.zh}" for one in report.events[:EVENTS_SHOWN]]
    if len(report.events) > EVENTS_SHOWN:
        lines.append(f"  … {len(report.events) - EVENTS_SHOWN} more events (--json, --html)")
    known = {person.name: person for person in reversed(report.people) if person.name}
    lines += [f"  person    {name} ({person.id}) {person.name_score:.2f}" for name, person in known.items()]
    lines += [
        f"  {one.kind:9} {_both(one.name)}  {one.score:.2f} ({', '.join({m.where: 0 for m in one.mentions})})"
        for one in report.entities[:NAMES_SHOWN]
        if one.name.zh not in known
    ]
    if report.quality:
        lines.append(f"  quality   {report.quality.overall:.0f}/100")
    if report.moderation:
        hits = ", ".join(sorted({hit.category for hit in report.moderation.hits}))
        lines.append(
            f"  moderation {report.moderation.decision}" + (f" ({hits})" if hits else "") + _unchecked(report)
        )
        lines += [
            f"  shadow    {one.policy} {one.version} would {one.would}"
            + (f" ({one.category})" if one.category else "")
            for one in report.moderation.shadows
        ]
    lines += [
        f"  topic     #{topic.topic}: {topic.action} ({topic.text.en}) {topic.score:.2f}"
        for topic in report.topics
    ]
    return "\n".join(lines)


def _both(name: Name) -> str:
    return name.zh if name.zh == name.en else f"{name.zh} · {name.en}"


def clock(seconds: float) -> str:
    """A moment as 1:02 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _unchecked(report: Report) -> str:
    unchecked = report.moderation.unchecked if report.moderation else []
    return f" (not checked: {', '.join(unchecked)})" if unchecked else ""


class _Bar:
    """A progress bar on stderr that names the stage which ended last."""

    def __init__(self, file: str, *, quiet: bool) -> None:
        from tqdm import tqdm

        self._bar: Any = tqdm(
            total=None,
            desc=Path(file).name[:30],
            disable=quiet or None,
            leave=False,
            bar_format="{l_bar}{bar}| {postfix}",
        )

    def __call__(self, stage: str, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.n = done
        self._bar.set_postfix_str(f"{stage} {done}/{total}")

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _names(text: str) -> list[str] | None:
    return [name for name in text.replace(",", " ").split() if name] or None


def _make_folder(place: str) -> None:
    if Path(place).is_file():
        raise ConfigError(
            f"cannot write to {place}: it is a file, not a folder (to print JSON put --json after the files)"
        )
    try:
        Path(place).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {place}: {error.strerror}") from error


def _unique_names(files: list[str]) -> list[str]:
    """File name stems; two files of one stem get their suffix or a number, so nothing is overwritten."""
    names: list[str] = []
    for file in files:
        path = Path(file.rstrip("/").partition("?")[0])
        name = path.stem or "video"
        if name in names:
            name = path.name
        number = 2
        while name in names:
            name = f"{path.name}-{number}"
            number += 1
        names.append(name)
    return names


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    print(f"wrote {path}", file=sys.stderr)
