"""How the user's pip is configured: indexes, extra places, proxy, certificates."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

DEFAULT_INDEX = "https://pypi.org/simple"


@dataclass(frozen=True, slots=True)
class PipConfig:
    """What of pip's options decides where and how a wheel is fetched."""

    indexes: tuple[str, ...] = (DEFAULT_INDEX,)
    find_links: tuple[str, ...] = ()
    proxy: str | None = None
    cert: str | None = None
    client_cert: str | None = None
    trusted_hosts: frozenset[str] = frozenset()
    timeout: float = 15.0


def read_pip_config(env: Mapping[str, str] | None = None) -> PipConfig:
    """Ask this interpreter's pip for its options (files and `PIP_*`); without a pip, only `PIP_*` count."""
    env = os.environ if env is None else env
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=dict(env), timeout=60, check=False)
        listing = done.stdout if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        listing = ""
    return parse_pip_config(listing, env)


def parse_pip_config(listing: str, env: Mapping[str, str]) -> PipConfig:
    """Merge the output of `pip config list` with the environment, as `pip download` would.

    `[download]` beats `[global]`, the environment beats both; an option given
    once replaces the same option of a weaker place.
    """
    options: dict[str, str] = {}
    for section in ("global", "download"):
        for line in listing.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(f"{section}."):
                options[key.removeprefix(f"{section}.").replace("_", "-")] = _unquote(value)
    for key, value in env.items():
        if key.upper().startswith("PIP_") and value:
            options[key[4:].lower().replace("_", "-")] = value
    indexes = [options.get("index-url", DEFAULT_INDEX), *options.get("extra-index-url", "").split()]
    if options.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        indexes = []
    timeout = options.get("timeout", options.get("default-timeout", ""))
    return PipConfig(
        indexes=tuple(url.rstrip("/") for url in indexes),
        find_links=tuple(options.get("find-links", "").split()),
        proxy=options.get("proxy") or None,
        cert=options.get("cert") or None,
        client_cert=options.get("client-cert") or None,
        trusted_hosts=frozenset(options.get("trusted-host", "").split()),
        timeout=float(timeout) if timeout.replace(".", "", 1).isdigit() else 15.0,
    )


def hide_password(url: str) -> str:
    """Return a URL fit to be shown: without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _unquote(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value
