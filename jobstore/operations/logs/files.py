"""A log file that several processes append to and that is rotated by size.

What a line says is not known here.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from jobstore.files import make_folder, open_or_create

# A pipe without a reader must not hold up what is being logged.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK


class RotatedFile:
    """The file at ``path``, made with its folder when the first line comes.

    It is opened for each line, so that it does not matter who rotated it meanwhile. At
    ``max_bytes`` it becomes ``NAME.1``, what was ``NAME.1`` becomes ``NAME.2``, and so on;
    ``keep`` of them stay.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._torn = False

    def append(self, line: str) -> None:
        """Add a line, which must not have line ends in it. Raises OSError if it is not whole."""
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        if self._torn:
            data = b"\n" + data
        file = self._open()
        try:
            size = os.fstat(file).st_size
            if size and size + len(data) > self._max_bytes and self._rotate():
                os.close(file)
                file = -1
                file = self._open()
            # One call, so that lines of several processes do not mix.
            written = os.write(file, data)
        finally:
            if file != -1:
                os.close(file)
        self._torn = 0 < written < len(data)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def _open(self) -> int:
        try:
            return open_or_create(self._path, _FLAGS)
        except FileNotFoundError:
            make_folder(self._path.parent)
            return open_or_create(self._path, _FLAGS)

    def _rotate(self) -> bool:
        """Make way for a new file, unless another process is doing that."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process may have done it between our look at the size and the lock.
            if self._path.stat().st_size >= self._max_bytes // 2:
                self._move_on()
        except OSError:
            # Better a file that grows too long than a line that is lost.
            return False
        finally:
            os.close(folder)
        return True

    def _move_on(self) -> None:
        for old in self._path.parent.glob(f"{self._path.name}.*"):
            ending = old.name.rpartition(".")[2]
            if ending.isdecimal() and int(ending) >= self._keep:
                old.unlink(missing_ok=True)
        for number in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._numbered(number).rename(self._numbered(number + 1))
        self._path.rename(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
