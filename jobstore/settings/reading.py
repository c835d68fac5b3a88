"""Reading a file of settings, if nobody but its user can have written it.

Settings name programs that are run and places that postings are sent to, so whoever writes them
acts as whoever reads them. What the file means is not known here.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from jobstore.errors import Fault, InvalidSettings

# A configuration has a few hundred lines.
MAX_BYTES = 256 * 1024


def read_text(path: Path) -> str:
    """Return the text of a small UTF-8 file that belongs to the user or to root.

    Nobody else may be able to write to it; a group that is the owner's own counts as the owner.
    A link is followed: what counts is the file that was opened. Raises InvalidSettings with a
    word on why it cannot be read, or with the command that makes it trustworthy.
    """
    try:
        # A pipe would be waited for, a device never ends.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _require_trust(path, os.fstat(descriptor))
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise refusal(path, "there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is no name of a file"
        raise refusal(path, f"cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise refusal(path, f"is larger than {MAX_BYTES // 1024} KiB; this is no configuration")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refusal(path, "is not UTF-8", line) from None


def refusal(path: Path, reason: str, line: int | None = None) -> InvalidSettings:
    """Return the error that says what is wrong with a file."""
    where = f"{path}, line {line}" if line else str(path)
    return InvalidSettings([Fault(where, reason)])


def _require_trust(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise refusal(path, "is a folder; name a file")
    if not stat.S_ISREG(status.st_mode):
        raise refusal(path, "is no regular file")
    user = os.geteuid()
    if status.st_uid not in (user, 0):
        raise refusal(
            path,
            "belongs to another account, which could have jobstore do anything; look through "
            f"it, then say: chown {user} {shlex.quote(str(path))}",
        )
    if status.st_mode & stat.S_IWOTH or (
        status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_gid, status.st_uid)
    ):
        raise refusal(
            path,
            "may be written by other accounts, which could have jobstore do anything; look "
            f"through it, then say: chmod go-w {shlex.quote(str(path))}",
        )


def _is_own_group(group: int, owner: int) -> bool:
    """Tell whether an account has the group to itself.

    Many systems give each account a group of its own, of the same name, and the umask 002: what
    it checks out or copies is writable by a group that has nobody else in it.
    """
    try:
        account, found = pwd.getpwuid(owner), grp.getgrgid(group)
    except KeyError:
        return False
    own = account.pw_gid == group and account.pw_name == found.gr_name
    return own and {*found.gr_mem} <= {account.pw_name}
