"""Reading a file of settings, if nobody but its user can have written it.

Settings name programs that are run and places that postings are sent to, so whoever writes them
acts as whoever reads them. What the file means is not known here.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from jobstore.errors import Fault, InvalidSettings
from jobstore.files import NoPlainFile, open_plain, others_may_write

# A configuration has a few hundred lines.
MAX_BYTES = 256 * 1024


def read_text(path: Path) -> str:
    """Return the text of a small UTF-8 file that belongs to the user or to root.

    Nobody else may be able to write to it (:func:`~jobstore.files.others_may_write`).
    A link is followed: what counts is the file that was opened. Raises InvalidSettings with a
    word on why it cannot be read, or with the command that makes it trustworthy.
    """
    try:
        with open_plain(path, follow=True) as file:
            _require_trust(path, os.fstat(file.fileno()))
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise refusal(path, "there is no such file") from None
    except NoPlainFile:
        what = "is a folder; name a file" if path.is_dir() else "is no regular file"
        raise refusal(path, what) from None
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
    user = os.geteuid()
    if status.st_uid not in (user, 0):
        raise refusal(
            path,
            "belongs to another account, which could have jobstore do anything; look through "
            f"it, then say: chown {user} {shlex.quote(str(path))}",
        )
    if others_may_write(status, status.st_uid, nameless=True):
        raise refusal(
            path,
            "may be written by other accounts, which could have jobstore do anything; look "
            f"through it, then say: chmod go-w {shlex.quote(str(path))}",
        )
