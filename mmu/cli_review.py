"""`mmu review`: the review page, its accounts and its log."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmu.review.tables import Database


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add `review` to the subcommands; `commands` is what `add_subparsers` returned."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "review",
        help="the review page for moderators: run it, manage accounts, export verdicts",
        description="A web page where people decide what the policy sent to review. "
        "Make an account first: `mmu review user add NAME --role admin`. Put reports in with `mmu "
        "queue put`.",
    )
    parser.add_argument(
        "--db",
        type=Path,
        default=None,
        metavar="FILE",
        help="the queue's file (default: $MMU_QUEUE, or review.sqlite in the user's store)",
    )
    parser.add_argument(
        "--root",
        type=Path,
        action="append",
        metavar="DIR",
        help="folder that reports and videos may be read from; repeatable (default: the current one)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8600, help="port to listen on (default: 8600)")
    parser.add_argument(
        "--https", action="store_true", help="browsers reach it by https (through a proxy): secure cookies"
    )
    parser.add_argument(
        "--second",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="share of decisions that get a second opinion (default: 0.05)",
    )
    parser.add_argument(
        "--lease",
        type=float,
        default=900.0,
        metavar="S",
        help="seconds a task is held for a reviewer (default: 900)",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    user = actions.add_parser("user", help="accounts")
    what = user.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name, text in (
        ("add", "make an account"),
        ("change", "another role or password"),
        ("disable", "end an account"),
        ("list", "all accounts"),
    ):
        one = what.add_parser(name, help=text, description=text)
        if name != "list":
            one.add_argument("name")
        if name in ("add", "change"):
            one.add_argument(
                "--role",
                choices=("reviewer", "lead", "auditor", "admin"),
                default="reviewer" if name == "add" else None,
            )
            one.add_argument(
                "--password-stdin", action="store_true", help="read the password from standard input"
            )
        if name == "change":
            one.add_argument("--password", action="store_true", help="ask for a new password")
        if name == "add":
            one.add_argument(
                "--lang", choices=("zh", "en"), default="", help="of the pages (default: the browser's)"
            )
    export = actions.add_parser("export", help="verdicts as JSON lines, for learning")
    export.add_argument(
        "--rows",
        action="store_true",
        help="labelled rows instead: a video's words and what was decided, for `mmu policy train`",
    )
    export.add_argument(
        "--safe-label", default="pass", metavar="LABEL", help="with --rows: of passed videos (default: pass)"
    )
    export.add_argument(
        "--policy", type=Path, metavar="FILE", help="with --rows: names the categories (default: the shipped)"
    )
    actions.add_parser("check", help="whether the audit log is whole")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked; returns the exit code.

    Raises:
        ConfigError: an option that cannot be, or nobody could log in.
        StoreError: the file cannot be used.
    """
    from mmu.cli_queue import default_queue
    from mmu.errors import ConfigError

    path = args.db or Path(default_queue().removeprefix("sqlite://"))
    if "://" in str(path) or ":/" in str(path)[1:]:
        raise ConfigError(
            f"--db {path}: the page needs a file; take a broker's tasks over with `mmu queue move --to FILE`"
        )
    if args.action == "user":
        return _user(args, path)
    if args.action in ("export", "check"):
        from mmu.review.tables import Database
        from mmu.review.verdicts import export

        with Database(_existing(path)) as database:
            if args.action == "check":
                print(f"{database.check_audit()} rows, whole")
            elif args.rows:
                return _rows(database, args)
            else:
                for line in export(database):
                    print(line)
        return 0
    return _serve(args, path)


def _rows(database: Database, args: argparse.Namespace) -> int:
    from mmu.moderation.policy import load_policy
    from mmu.review.training import LeftOut, training_rows

    left, count = LeftOut(), 0
    for row in training_rows(database, load_policy(args.policy), left, safe_label=args.safe_label):
        print(json.dumps(row, ensure_ascii=False))
        count += 1
    print("\n".join([*left.lines(), f"{count} rows"]), file=sys.stderr)
    return int(bool(left.reports))


def _existing(path: Path) -> Path:
    from mmu.errors import ConfigError

    if not path.is_file():
        raise ConfigError(
            f"{path}: no such file; put reports in with `mmu queue put`, or make an account first"
        )
    return path


def _serve(args: argparse.Namespace, path: Path) -> int:
    from mmu.errors import ConfigError
    from mmu.moderation.queue import QueueOptions

    try:
        import uvicorn  # noqa: F401

        from mmu.review.app import build_app
    except ImportError as error:
        raise ConfigError(f"install the web parts with `pip install mmu-video[web]` ({error})") from error
    if not 0 <= args.second <= 1:
        raise ConfigError(f"--second {args.second}: a share is from 0 to 1")
    if not 1 <= args.port <= 65535:
        raise ConfigError(f"--port {args.port}: 1 to 65535")
    app = build_app(
        path,
        args.root or [Path.cwd()],
        second=args.second,
        https=args.https,
        options=QueueOptions(args.lease),
    )
    with app.state.site.database:
        _listen(app, args)
    return 0


def _listen(app: Any, args: argparse.Namespace) -> None:
    import uvicorn

    from mmu.errors import ConfigError

    if not app.state.site.accounts.all():
        raise ConfigError("there are no accounts yet: mmu review user add NAME --role admin")
    if not args.https and not _loopback(args.host):
        print(
            "note: passwords travel in the clear without https; put a TLS proxy in front and add --https",
            file=sys.stderr,
        )
    print(f"http://{args.host}:{args.port}/", flush=True)
    config = uvicorn.Config(
        app, host=args.host, port=args.port, log_level="warning", server_header=False,
        proxy_headers=args.https, limit_concurrency=512, h11_max_incomplete_event_size=32768,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with contextlib.suppress(SystemExit):  # uvicorn's own answer to a port that is taken
        server.run()
    if not server.started:
        raise ConfigError(f"cannot listen on {args.host}:{args.port}: is the port taken?")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _user(args: argparse.Namespace, path: Path) -> int:
    from mmu.review.accounts import Accounts
    from mmu.review.tables import Database

    with Database(path) as database:
        accounts = Accounts(database)
        if args.what == "list":
            for user in accounts.all():
                print(f"{user.name}\t{user.role}\t{'active' if user.active else 'disabled'}")
        elif args.what == "add":
            accounts.add(args.name, _password(args), args.role, by="command line", language=args.lang)
        elif args.what == "disable":
            accounts.change(args.name, by="command line", active=False)
        else:
            password = _password(args) if args.password or args.password_stdin else None
            accounts.change(args.name, by="command line", role=args.role, password=password)
    return 0


def _password(args: argparse.Namespace) -> str:
    import getpass

    from mmu.errors import ConfigError

    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("password: ")
    if getpass.getpass("again: ") != first:
        raise ConfigError("the two passwords differ")
    return first
