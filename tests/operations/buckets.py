"""A server that speaks S3, on this machine, and servers that only pretend to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REGIONS = ("eu-central-1", "us-east-1")


class ObjectServer:
    """A server of buckets, each with a name of its own."""

    def __init__(self, address: str) -> None:
        import boto3

        self.address = address
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="of-a-test",
            aws_secret_access_key="secret-of-a-test",
        )

    @property
    def environment(self) -> dict[str, str]:
        """What lets any program find it, and not the real one."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "of-a-test",
            "AWS_SECRET_ACCESS_KEY": "secret-of-a-test",
            "AWS_REGION": REGIONS[0],
        }

    def options(self, region: str = REGIONS[0]) -> dict[str, str]:
        """The same, as place_options has it."""
        return {
            "endpoint": self.address,
            "allow_http": "true",
            "access_key_id": "of-a-test",
            "secret_access_key": "secret-of-a-test",
            "region": region,
        }

    def make(self, bucket: str) -> None:
        """Make a bucket."""
        self._client.create_bucket(Bucket=bucket)

    def put(self, path: str, data: bytes) -> None:
        """Store an object at ``BUCKET/KEY``."""
        bucket, _, key = path.partition("/")
        self._client.put_object(Bucket=bucket, Key=key, Body=data)

    def get(self, path: str) -> bytes:
        """Return the object at ``BUCKET/KEY``."""
        bucket, _, key = path.partition("/")
        data: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    def keys(self, bucket: str) -> list[str]:
        """Return the keys in a bucket."""
        listed = self._client.list_objects_v2(Bucket=bucket)
        return [each["Key"] for each in listed.get("Contents", ())]


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    """Run moto's S3 while the block lasts."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield ObjectServer(f"http://{host}:{port}")
    finally:
        server.stop()


@contextmanager
def answering(status: int, body: bytes = b"") -> Iterator[str]:
    """Run a server that answers everything with one status; give its address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815 - names of http.server

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
