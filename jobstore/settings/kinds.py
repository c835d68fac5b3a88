"""What every section of the settings shares: its base class and the kinds of its values.

A kind says what is allowed; which setting has it is said in the sections.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable
from datetime import UTC, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from jobstore.settings.options import LONGEST_ABSENCE, MOST_SECONDS
from jobstore.settings.url import is_utf8

T = TypeVar("T")

Severity = Literal["warning", "critical"]

# Object stores that obstore can reach by these addresses.
OBJECT_STORES = ("s3", "gs", "az")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_A_ROOT_PATH = "empty, or a path such as /jobs: a slash before each part, and none at the end"
_A_PROXY = "an IP address, or a network such as 10.0.0.0/8"
_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LENGTH = re.compile(r"([0-9]{1,9})([smhdw])")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# What 'jobstore backup keygen' makes: 32 random bytes in hexadecimal.
BACKUP_KEY = re.compile(r"jobstore-key-([0-9a-f]{64})")


class Allowed(WithJsonSchema):
    """Says what is allowed where the type does not: completes the sentence "must be ..."."""

    def __init__(self, text: str) -> None:
        super().__init__({"allowed": text})


def setting(default: T, meaning: str, **limits: Any) -> T:
    """Return the field of a setting: its default, what it is for, and limits as ``Field`` has."""
    return cast(T, Field(default=default, description=meaning, **limits))


class Section(BaseModel):
    """A part of the settings: unchangeable, and nothing unknown is taken.

    The values of secrets never appear in what its faults say.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        validate_default=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        # Python takes true for 1, and nobody who writes it means that.
        if (
            isinstance(value, bool)
            and cls.model_fields[str(info.field_name)].annotation is not bool
        ):
            raise PydanticCustomError("no_bool", "true and false are no value for this")
        return value


def _path(value: Any) -> Any:
    if not isinstance(value, str | os.PathLike):
        raise ValueError("a path must be text")
    text = os.fspath(value)
    if not text or "\0" in text or not is_utf8(text):
        raise ValueError("a path must not be empty, nor contain a NUL, and must be UTF-8")
    # Relative paths count from the folder that the command runs in, as those of URLs do.
    return Path(text).expanduser()


def _place(text: str) -> str:
    """Check where copies of backups go: a folder, or an object store's address."""
    if not text.strip() or "\0" in text or not is_utf8(text):
        raise ValueError("a place must not be empty, nor contain a NUL, and must be UTF-8")
    scheme, colon, _ = text.partition("://")
    if not colon:
        return text
    if scheme not in OBJECT_STORES:
        raise ValueError("a place must be a folder, or begin with s3://, gs:// or az://")
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise ValueError("a place must not carry credentials; give them by place_options")
    if parts.query or parts.fragment or not _BUCKET.fullmatch(parts.netloc):
        raise ValueError(f"a place must be {scheme}://BUCKET or {scheme}://BUCKET/FOLDER")
    return text


def _recipient(text: str) -> str:
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise ValueError("this is a secret key; a recipient is a public one, age1...")
    if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", text):
        raise ValueError("a recipient must be an age public key, age1 and 58 characters")
    return text


def _host(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        try:
            # How it is looked up (RFC 3490).
            name = text.encode("idna").decode()
        except UnicodeError:
            name = ""
        if not _HOST.fullmatch(name):
            raise ValueError("must be a server's name or IP address, without a port") from None
    return text


def _web_address(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.port != 0
        _host(parts.hostname or "")
    except ValueError:
        known = False
    if not known or _CONTROL.search(text) or not is_utf8(text):
        raise ValueError("must be an address that begins with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("must not carry a name or a password; they would not be sent")
    return secret


def _not_empty(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value():
        raise ValueError("must not be empty")
    return secret


def _root_path(text: str) -> str:
    if not _ROOT_PATH.fullmatch(text):
        raise ValueError(f"must be {_A_ROOT_PATH}")
    return text


def _proxy(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"must be {_A_PROXY}") from None
    return text


def _mail_address(text: str) -> str:
    """Check one address as it stands in a mail (RFC 5322, section 3.4)."""
    from email.headerregistry import AddressHeader
    from email.policy import SMTP

    if _ACCOUNT.fullmatch(text):
        # A mail server of this machine knows its accounts.
        return text
    try:
        header: Any = SMTP.header_factory("To", text)
        assert isinstance(header, AddressHeader)
        (address,) = header.addresses
        good = address.username and address.domain and address.addr_spec.isascii()
    except Exception:
        # What the parser is not made for ends in errors of any kind.
        good = False
    if not good or header.defects or header.groups[0].display_name or _CONTROL.search(text):
        raise ValueError("must be a mail address, such as ops@example.com")
    return text


def _command(arguments: tuple[str, ...]) -> tuple[str, ...]:
    program = arguments[0]
    if "/" in program and not program.startswith("/"):
        raise ValueError("must begin with a full path, or the name of a program in PATH")
    if not all("\0" not in each and is_utf8(each) for each in arguments):
        raise ValueError("must be UTF-8, without a NUL")
    return arguments


def _backup_keys(secret: SecretStr) -> SecretStr:
    given = secret.get_secret_value().split()
    if not given or len(given) > 100 or not all(map(BACKUP_KEY.fullmatch, given)):
        raise ValueError("must be a key that 'jobstore backup keygen' made, or several")
    return secret


def length_of(text: str) -> timedelta:
    """Return the length of time that a text such as ``48h`` says. Raises ValueError."""
    found = _LENGTH.fullmatch(text)
    if not found or (length := _UNITS[found[2]] * int(found[1])) > LONGEST_ABSENCE:
        raise ValueError("must be a time such as 48h, 7d or 90m, at most 3650d")
    return length


def _length(text: str) -> str:
    length_of(text)
    return text


def zone_of(name: str) -> tzinfo:
    """Return the time zone of that name. Raises ValueError when this machine knows none."""
    if name == "UTC":
        # Known on machines without any list of time zones, too.
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError("must be a time zone that this machine knows, as UTC") from None


def _timezone(name: str) -> str:
    zone_of(name)
    return name


def different(values: Iterable[str], what: str) -> None:
    """Raise ValueError when a value occurs twice."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"two {what} have the same name")
        seen.add(value)


FilePath = Annotated[Path, BeforeValidator(_path), Allowed("a path")]
Place = Annotated[
    str, AfterValidator(_place), Allowed("a folder, or an s3://, gs:// or az:// address")
]
Recipient = Annotated[str, AfterValidator(_recipient), Allowed("an age public key, age1...")]
BackupKeys = Annotated[
    SecretStr,
    AfterValidator(_backup_keys),
    Allowed("a key of jobstore backup keygen, or several with spaces between"),
]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
Host = Annotated[Text, AfterValidator(_host), Allowed("a server's name or IP address")]
RootPath = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(_root_path),
    Allowed(_A_ROOT_PATH),
]
Proxy = Annotated[Text, AfterValidator(_proxy), Allowed(_A_PROXY)]
WebAddress = Annotated[SecretStr, AfterValidator(_web_address)]
MailAddress = Annotated[
    Text, AfterValidator(_mail_address), Allowed("a mail address, or a local account")
]
Command = Annotated[
    tuple[Text, ...],
    Field(min_length=1, max_length=100),
    AfterValidator(_command),
    Allowed("a list: a full path or a program in PATH, and arguments"),
]
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$"),
    Allowed("a name of small letters, digits and dashes"),
]
ClockTime = Annotated[
    str,
    StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    Allowed("a time of day, 00:00 to 23:59"),
]
Timezone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    AfterValidator(_timezone),
    Allowed("a time zone such as UTC or Europe/Berlin"),
]
Absence = Annotated[
    str, AfterValidator(_length), Allowed("a time such as 48h, 7d or 90m, at most 3650d")
]
Milliseconds = Annotated[float, Field(gt=0, le=3_600_000)]
Seconds = Annotated[float, Field(gt=0, le=MOST_SECONDS)]
Minutes = Annotated[float, Field(ge=0, le=10_080)]
Percent = Annotated[float, Field(ge=0, le=100)]
Mebibytes = Annotated[int, Field(ge=1, le=1_048_576)]
