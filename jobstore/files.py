"""Making files and folders: for their owner alone, whatever the umask, and through no link.

Whatever jobstore makes on disk is made here, or by SQLite, which gives what it keeps beside a
database the mode and the owner of the database. What a process of root makes belongs to the
owner of the folder that it stands in, so that one command as root does not lock the account of
a service out of its own store.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from jobstore.errors import StoreUnavailable

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_ALWAYS = os.O_CLOEXEC | os.O_NOFOLLOW
OUT_OF_FILES = (
    "Too many files are open, in this process or on this machine; close some, or raise the limit "
    "('ulimit -n', or LimitNOFILE of the service)."
)


def create(path: Path) -> BinaryIO:
    """Make the file ``path``, and open it for reading and writing.

    Raises FileExistsError when there is anything of that name, a link included, and OSError.
    """
    return os.fdopen(_created(path, os.O_RDWR), "w+b")


def open_or_create(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file of jobstore's own with ``flags`` (``os.O_...``), made where it is missing.

    Returns its descriptor. Raises OSError, also when a link stands there.
    """
    while True:
        with suppress(FileNotFoundError):
            return os.open(path, flags | _ALWAYS)
        # Another process may be making it just now.
        with suppress(FileExistsError):
            return _created(Path(path), flags)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing; what is there stays as it is.

    They are safely on disk when this returns, so that what is put in them is not lost with them.
    Raises OSError.
    """
    for each in (*reversed(folder.parents), folder):
        if each.is_dir():
            continue
        try:
            each.mkdir(_FOLDER_MODE)
        except FileExistsError:
            if not each.is_dir():
                raise
            continue
        adopt(each)
        synchronise(each.parent)


def there(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())


def make_file(path: Path) -> None:
    """Make an empty file and its folders where they are missing; what is there stays as it is.

    Raises StoreUnavailable when that is not possible.
    """
    with reachable(path):
        make_folder(path.parent)
        if not path.exists():
            os.close(open_or_create(path, os.O_RDWR))


def require_file(path: Path) -> None:
    """Raise StoreUnavailable where something stands that is no file, and so no store."""
    with reachable(path):
        if path.exists() and not path.is_file():
            raise StoreUnavailable(f"{path} is no file; check the store's URL.")


@contextmanager
def reachable(path: Path) -> Iterator[None]:
    """Raise StoreUnavailable for what the operating system says while the block looks."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"Cannot reach {path} ({error.strerror}); check the store's URL, and that this "
            "account may write there."
        ) from error


def folder_of(path: Path) -> Path:
    """Return the folder, and so the disk, that a file lies on: where its name leads, if a link."""
    return Path(os.path.realpath(path)).parent


def adopt(folder: Path) -> None:
    """Make a folder that was just made what it has to be: its mode, and for root its owner."""
    folder.chmod(_FOLDER_MODE)
    owner = _owner_for(folder)
    if owner is not None:
        os.chown(folder, *owner, follow_symlinks=False)


def synchronise(path: Path) -> None:
    """Have the disk keep a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file that somebody named: it takes its name at the end, safely on disk.

    It gets the mode and the owner of the file that it replaces. If the block raises, what was
    there before stays. A device or a pipe is written to. A link of the caller's own stays, and
    leads to the new file; one that another account made is refused. Raises OSError.
    """
    _refuse_link_of_others(path)
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(target.parent))
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with create(unfinished) as stream:
            yield stream
            stream.flush()
            _resemble(stream.fileno(), target)
            os.fsync(stream.fileno())
        unfinished.replace(target)
        synchronise(target.parent)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError) and error.filename == str(unfinished):
            # Nobody knows the temporary name.
            error.filename = str(target)
        raise


def overwriting(path: Path) -> BinaryIO:
    """Open a file that somebody named, to be written bit by bit; what was in it is gone.

    Links are treated as :func:`replacing` does. Raises OSError.
    """
    _refuse_link_of_others(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    except FileNotFoundError:
        descriptor = _created(path.resolve(), os.O_WRONLY)
    return cast(BinaryIO, os.fdopen(descriptor, "wb"))


class NoPlainFile(OSError):
    """Something else than a file stands there: a folder, a link, a pipe, a device."""


def open_plain(path: Path, *, follow: bool = False) -> BinaryIO:
    """Open a file for reading that may have been put there by anybody.

    Raises NoPlainFile for what is none, and for a symbolic link unless ``follow`` says that its
    owner may use one; OSError otherwise.
    """
    # A pipe would be waited for, a device never ends.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        # A socket, or a device without a driver; a link.
        if error.errno == errno.ENXIO or (error.errno == errno.ELOOP and not follow):
            raise NoPlainFile(error.errno, error.strerror, str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NoPlainFile(errno.EINVAL, "is no plain file", str(path))
    return os.fdopen(descriptor, "rb")


def exposure(path: Path, owner: int) -> str | None:
    """Say how accounts other than ``owner`` and root can change a file or a folder, if they can.

    A group without a name here, which a container gives its volumes, is no other account.
    Returns ``None`` also for what is not there. Raises OSError when it cannot be looked at.
    """
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if state.st_uid not in (0, owner):
        return "belongs to another account"
    if others_may_write(state, owner, nameless=False):
        return f"mode {stat.S_IMODE(state.st_mode):04o} lets others write"
    return None


def others_may_write(state: os.stat_result, owner: int, *, nameless: bool) -> bool:
    """Tell whether a mode lets accounts write that are neither ``owner`` nor root.

    A group may write where nobody else is in it: it is the primary group of ``owner`` or of root,
    has the account's name, is the primary group of nobody else, and lists nobody else. Many
    systems give each account such a group, and the umask 002. Of a group with another name, such
    as ``users``, it is not known who is in it, since a directory service need not list its
    accounts. ``nameless`` is the answer for a group that has no name on this machine.
    """
    if state.st_mode & stat.S_IWOTH:
        return True
    if not state.st_mode & stat.S_IWGRP:
        return False
    try:
        group = grp.getgrgid(state.st_gid)
    except KeyError:
        return nameless
    ours = []
    for user in (0, owner):
        with suppress(KeyError):
            ours.append(pwd.getpwuid(user))
    if not any(each.pw_gid == group.gr_gid and each.pw_name == group.gr_name for each in ours):
        return True
    if not {each.pw_name for each in ours}.issuperset(group.gr_mem):
        return True
    others = (each for each in pwd.getpwall() if each.pw_uid not in (0, owner))
    return any(each.pw_gid == group.gr_gid for each in others)


def _created(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | _ALWAYS, _FILE_MODE)
    try:
        os.fchmod(descriptor, _FILE_MODE)
        owner = _owner_for(path)
        if owner is not None:
            os.fchown(descriptor, *owner)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _owner_for(path: Path) -> tuple[int, int] | None:
    """The user and the group that root gives a new file or folder; nobody else can give any."""
    if os.geteuid() != 0:
        return None
    folder = path.parent.stat()
    return folder.st_uid, folder.st_gid


def resemble(file: Path, replaced: Path) -> None:
    """Give a file the mode and the owner of one whose place it is to take, if that is there."""
    descriptor = os.open(file, os.O_RDONLY | _ALWAYS)
    try:
        _resemble(descriptor, replaced)
    finally:
        os.close(descriptor)


def _resemble(descriptor: int, replaced: Path) -> None:
    with suppress(FileNotFoundError):
        state = replaced.stat()
        mode = stat.S_IMODE(state.st_mode)
        try:
            os.fchown(descriptor, state.st_uid, state.st_gid)
        except PermissionError:
            # Its group was another one, and ours was given nothing.
            mode &= ~stat.S_IRWXG
        os.fchmod(descriptor, mode)


def _refuse_link_of_others(path: Path) -> None:
    with suppress(FileNotFoundError):
        state = path.lstat()
        if stat.S_ISLNK(state.st_mode) and state.st_uid not in (0, os.geteuid()):
            raise OSError(errno.ELOOP, "is a link that another account made", str(path))


def lacks_files(error: OSError) -> bool:
    """Whether a file could not be opened because too many are open already."""
    return error.errno in (errno.EMFILE, errno.ENFILE)
