"""`mmu serve`: the HTTP service on one machine."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

from mmu.errors import ConfigError


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add `serve` to the subcommands; `commands` is what `add_subparsers` returned."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "serve",
        help="the HTTP service: POST /v1/videos, GET /v1/videos/ID, batches, progress, metrics",
        description="Videos in by URL or upload, reports out. Every caller needs an API key.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port (default: 8000; 0: any free one)")
    parser.add_argument(
        "--data",
        type=Path,
        help="folder for uploads, jobs and reports (default: service/ in the user's store)",
    )
    parser.add_argument("--keys", type=Path, help="file of API keys (default: keys.json in --data)")
    parser.add_argument("--no-keys", action="store_true", help="answer everybody; on a loopback address only")
    parser.add_argument("--workers", type=int, default=1, help="videos analysed at a time (default: 1)")
    parser.add_argument("--threads", type=int, help="CPU threads of a worker (default: all cores / workers)")
    parser.add_argument("--max-waiting", type=int, default=100, help="videos that may wait (default: 100)")
    parser.add_argument("--max-mb", type=float, default=512, help="largest video in MiB (default: 512)")
    parser.add_argument("--rate", type=float, default=10.0, help="requests a second of one key (default: 10)")
    parser.add_argument("--burst", type=int, default=50, help="requests of one key at once (default: 50)")
    parser.add_argument("--ttl-hours", type=float, default=24, help="hours a report is kept (default: 24)")
    parser.add_argument(
        "--allow-private", action="store_true", help="URLs may lead into private networks (default: never)"
    )
    parser.add_argument(
        "--only", default="", metavar="STAGES", help="run only these stages (comma-separated)"
    )
    parser.add_argument("--skip", default="", metavar="STAGES", help="leave out these stages")
    parser.add_argument("--profile", help="networks to use: cpu or gpu (default: cpu)")
    parser.add_argument(
        "--config", metavar="FILE", help="YAML file that gives stages to other networks (docs/weights.md)"
    )
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--new-key", metavar="NAME", help="make an API key, print it once, and end")
    keys.add_argument("--revoke-key", metavar="NAME", help="forget an API key, and end")
    keys.add_argument("--list-keys", action="store_true", help="print the names of the keys, and end")
    return parser


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted, or do what was asked with the keys."""
    from models.store import default_root

    data = args.data or default_root() / "service"
    path = args.keys or data / "keys.json"
    if args.new_key or args.revoke_key or args.list_keys:
        return _keys(args, path)
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise ConfigError(
            f"the service needs more packages ({error.name}): pip install 'mmu-video[web]'"
        ) from error
    return _serve(args, data, path, uvicorn)


def _serve(args: argparse.Namespace, data: Path, path: Path, uvicorn: Any) -> int:
    from mmu.service.app import create_app
    from mmu.service.keys import KeyFile
    from mmu.service.settings import ServiceSettings

    if args.no_keys and not _loopback(args.host):
        raise ConfigError(
            f"--no-keys on {args.host} would answer the whole network; make a key with --new-key"
        )
    if not args.no_keys and not KeyFile(path).names():
        raise ConfigError(f"{path} has no API key yet; make one with `mmu serve --new-key NAME`")
    cores = len(os.sched_getaffinity(0))
    settings = ServiceSettings(
        data=data,
        keys=None if args.no_keys else path,
        workers=args.workers,
        max_waiting=args.max_waiting,
        max_bytes=int(args.max_mb * 2**20),
        rate=args.rate,
        burst=args.burst,
        ttl=args.ttl_hours * 3600,
        private_hosts=args.allow_private,
        analyzer={
            "threads": args.threads or max(1, cores // max(1, args.workers)),
            "only": args.only.replace(",", " ").split() or None,
            "skip": args.skip.replace(",", " ").split(),
            "profile": args.profile,
            "config": args.config,
        },
    )
    _check_analyzer(settings.analyzer)
    app = create_app(settings)
    print(f"MMU listens on http://{args.host}:{args.port} (data in {data})", file=sys.stderr, flush=True)
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning", timeout_keep_alive=30)
    return 0


def _check_analyzer(options: dict[str, Any]) -> None:
    """Wrong stages and missing weights are said now and not at the first video."""
    from mmu.analyzer import Analyzer

    Analyzer(**options).close()


def _keys(args: argparse.Namespace, path: Path) -> int:
    from mmu.service.keys import KeyFile

    keys = KeyFile(path)
    if args.new_key:
        print(keys.add(args.new_key))
        print(f"keep it: only its hash is in {path}", file=sys.stderr)
    elif args.revoke_key:
        keys.remove(args.revoke_key)
        print(f"{args.revoke_key}: revoked", file=sys.stderr)
    else:
        for name in keys.names():
            print(name)
    return 0


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
