"""Who may do what: users, roles, passwords and sessions.

Passwords are kept as scrypt hashes (N = 2^15, r = 8, p = 1: 32 MiB and about 0.1 s each), session
ids as SHA-256, so that a copy of the file lets nobody in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import Literal

from mmu.errors import ConfigError
from mmu.review.tables import Database

Role = Literal["reviewer", "lead", "auditor", "admin"]
Permission = Literal["read", "decide", "lead", "audit", "users"]
PERMISSIONS: dict[str, frozenset[Permission]] = {
    "reviewer": frozenset({"read", "decide"}),
    "lead": frozenset({"read", "decide", "lead", "audit"}),
    "auditor": frozenset({"read", "audit"}),
    "admin": frozenset({"read", "decide", "lead", "audit", "users"}),
}
ROLES = tuple(PERMISSIONS)
LANGUAGES = ("zh", "en")
SHORTEST_PASSWORD = 10
#: a session ends when it was not used for this many seconds, and in any case after `LONGEST`
IDLE, LONGEST = 4 * 3600.0, 14 * 3600.0
#: log N, r, p of scrypt
_COST = (15, 8, 1)
_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class User:
    """One account."""

    name: str
    role: str
    #: of the pages; empty until the user has chosen one: then the browser's is taken
    language: str
    active: bool = True

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it."""
        return permission in PERMISSIONS[self.role]


@dataclass(frozen=True, slots=True)
class Session:
    """A user who is logged in; `csrf` must come back with every change."""

    user: User
    csrf: str
    id: str


class Accounts:
    """Users and sessions in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # so that an unknown name takes as long as a wrong password
        self._nobody = hashed(secrets.token_hex(16))

    def add(self, name: str, password: str, role: str, *, by: str, language: str = "") -> None:
        """Make an account; without a language it has that of the browser until one is chosen.

        Raises:
            ConfigError: a name, password, role or language that is not allowed, or a name that is taken.
        """
        _check(name, password, role, language)
        with self._database.errors(), self._database.writing() as db:
            made = db.execute(
                "INSERT OR IGNORE INTO user (name, role, password, language, made) VALUES (?, ?, ?, ?, ?)",
                (name, role, hashed(password), language, time.time()),
            ).rowcount
            if not made:
                raise ConfigError(f"user {name!r} exists already")
            self._database.audit(db, by, "user.add", name, role)

    def change(
        self,
        name: str,
        *,
        by: str,
        role: str | None = None,
        active: bool | None = None,
        password: str | None = None,
        keep: str = "",
    ) -> None:
        """Change an account; with a new password, role or state, its sessions end (but `keep`).

        Raises:
            ConfigError: no such user, something that is not allowed, or the last admin would go.
        """
        user = self.find(name)
        if user is None:
            raise ConfigError(f"no user {name!r}")
        _check(name, password, role or user.role, user.language)
        with self._database.errors(), self._database.writing() as db:
            if role is not None:
                db.execute("UPDATE user SET role = ? WHERE name = ?", (role, name))
            if active is not None:
                db.execute("UPDATE user SET active = ? WHERE name = ?", (int(active), name))
            if password is not None:
                db.execute("UPDATE user SET password = ? WHERE name = ?", (hashed(password), name))
            if not db.execute("SELECT 1 FROM user WHERE role = 'admin' AND active").fetchone() and (
                user.role == "admin"
            ):
                raise ConfigError(f"{name} is the last active admin: name another one first")
            db.execute("DELETE FROM session WHERE user = ? AND id != ?", (name, keep))
            what = [f"role={role}"] * (role is not None) + [f"active={active}"] * (active is not None)
            self._database.audit(
                db, by, "user.change", name, ", ".join(what + ["password"] * (password is not None))
            )

    def set_language(self, name: str, language: str) -> None:
        """The language of a user's pages."""
        if language not in LANGUAGES:
            raise ConfigError(f"unknown language {language!r}; known: {', '.join(LANGUAGES)}")
        with self._database.errors(), self._database.writing() as db:
            db.execute("UPDATE user SET language = ? WHERE name = ?", (language, name))

    def find(self, name: str) -> User | None:
        """The account of this name."""
        with self._database.errors():
            row = self._database.db.execute(
                "SELECT name, role, language, active FROM user WHERE name = ?", (name,)
            ).fetchone()
        return User(row[0], row[1], row[2], bool(row[3])) if row else None

    def all(self) -> list[User]:
        """All accounts, by name."""
        with self._database.errors():
            rows = self._database.db.execute(
                "SELECT name, role, language, active FROM user ORDER BY name"
            ).fetchall()
        return [User(name, role, language, bool(active)) for name, role, language, active in rows]

    def right(self, name: str, password: str) -> bool:
        """Whether an active user has this password; takes the same time when there is no such user."""
        with self._database.errors():
            row = self._database.db.execute(
                "SELECT password, active FROM user WHERE name = ?", (name,)
            ).fetchone()
        return matches(password, row[0] if row else self._nobody) and bool(row and row[1])

    def log_in(self, name: str, address: str) -> str:
        """A new session for a user whose password was right; returns the id that goes into the cookie."""
        token, now = secrets.token_urlsafe(32), time.time()
        with self._database.errors(), self._database.writing() as db:
            db.execute("DELETE FROM session WHERE seen < ? OR made < ?", (now - IDLE, now - LONGEST))
            db.execute(
                "INSERT INTO session (id, user, csrf, made, seen) VALUES (?, ?, ?, ?, ?)",
                (_digest(token), name, secrets.token_urlsafe(24), now, now),
            )
            self._database.audit(db, name, "login", address=address)
        return token

    def failed(self, name: str, address: str) -> None:
        """Remember a log-in that failed."""
        with self._database.errors(), self._database.writing() as db:
            self._database.audit(db, name[:64], "login.failed", address=address)

    def session(self, token: str) -> Session | None:
        """The session of a cookie, when it is still good."""
        now = time.time()
        with self._database.errors():
            row = self._database.db.execute(
                "SELECT user.name, role, language, csrf, session.id, session.seen FROM session "
                "JOIN user ON user.name = session.user "
                "WHERE session.id = ? AND active AND seen >= ? AND session.made >= ?",
                (_digest(token), now - IDLE, now - LONGEST),
            ).fetchone()
            if row is None:
                return None
            if now - row[5] > 60:
                with self._database.writing() as db:
                    db.execute("UPDATE session SET seen = ? WHERE id = ?", (now, row[4]))
        return Session(User(row[0], row[1], row[2]), row[3], row[4])

    def log_out(self, session: Session, address: str) -> None:
        """End a session."""
        with self._database.errors(), self._database.writing() as db:
            db.execute("DELETE FROM session WHERE id = ?", (session.id,))
            self._database.audit(db, session.user.name, "logout", address=address)


def hashed(password: str) -> str:
    """A password as it is kept: `scrypt$logN$r$p$salt$hash`."""
    salt = secrets.token_bytes(16)
    parts = (base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt, *_COST)))
    return "$".join(("scrypt", *map(str, _COST), *parts))


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one that is kept."""
    _, log_n, r, p, salt, digest = kept.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(log_n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    memory = 2 * 128 * 2**log_n * r
    return hashlib.scrypt(password.encode(), salt=salt, n=2**log_n, r=r, p=p, maxmem=memory, dklen=32)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _check(name: str, password: str | None, role: str, language: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"user name {name!r}: 1 to 64 letters, digits, '.', '_', '-' or '@'")
    if role not in PERMISSIONS:
        raise ConfigError(f"unknown role {role!r}; known: {', '.join(ROLES)}")
    if language and language not in LANGUAGES:
        raise ConfigError(f"unknown language {language!r}; known: {', '.join(LANGUAGES)}")
    if password is not None and not SHORTEST_PASSWORD <= len(password) <= 200:
        raise ConfigError(f"password: {SHORTEST_PASSWORD} to 200 characters")
    if password is not None and password.lower() in (name.lower() * 3, "1234567890", "password123"):
        raise ConfigError("password: too easy to guess")
