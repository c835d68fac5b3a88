"""The settings of the service: where it listens, who may ask it, how much and how slowly."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from jobstore.settings.kinds import (
    FilePath,
    Host,
    Mebibytes,
    Proxy,
    RootPath,
    Seconds,
    Section,
    setting,
)


class ServiceSection(Section):
    """The service that jobstore serve runs: where it listens, and who may ask it."""

    host: str = setting("127.0.0.1", "address that it listens on", max_length=255)
    port: int = setting(8710, "port that it listens on; 0: any free one", ge=0, le=65_535)
    root_path: RootPath = setting("", "path that a proxy takes off before it asks the service")
    trusted_proxies: tuple[Proxy, ...] = setting(
        (), "proxies that are believed where a request comes from", max_length=100
    )
    certificate: FilePath | None = setting(None, "PEM file of its certificate, for https")
    key: FilePath | None = setting(None, "PEM file of the key of its certificate")
    header_seconds: Seconds = setting(
        20.0, "seconds that a client may take for the headers of a request"
    )
    anonymous: Literal["loopback", "read", "write", "nobody"] = setting(
        "loopback",
        "who may ask without a token: this machine may read; all may read, or write; or nobody",
    )
    hosts: tuple[Host, ...] = setting(
        (), "names that it is asked under, besides localhost and addresses", max_length=100
    )
    requests_per_minute: int = setting(
        6000,
        "requests a minute of each token, and of each other machine; 0: any number",
        ge=0,
        le=10_000_000,
    )
    body_mib: Mebibytes = setting(16, "MiB that a body may have")
    read_seconds: Seconds = setting(60.0, "seconds that a body may take to come")
    write_seconds: Seconds = setting(
        60.0, "seconds that a client may take for a piece of an answer"
    )
    mcp_writes: bool = setting(
        False, "whether agents may write over MCP, those whose token allows it"
    )
    idle_seconds: Seconds = setting(60.0, "seconds that a connection may wait for a next request")
    workers: int = setting(1, "processes that answer, each with the store open", ge=1, le=64)
    connections: int = setting(
        0,
        "connections that a worker may have; 0: as many as it may have files, but for a few",
        ge=0,
        le=1_000_000,
    )
    stop_seconds: Seconds = setting(30.0, "seconds that answers may take when the service ends")
    access_log: bool = setting(True, "whether each request has a line in access.log")

    @model_validator(mode="after")
    def _certificate_with_its_key(self) -> ServiceSection:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self
