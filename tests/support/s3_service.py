"""An S3-compatible server of the tests' own: moto, on loopback and a free port."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class S3:
    """The server.

    Attributes:
      endpoint: its URL.
      process: the server's process.
    """

    endpoint: str
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """What lets S3's libraries find the server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    @property
    def client(self) -> Any:
        """A client of boto3, which has nothing to do with the code under test."""
        import boto3  # 0.3 s, and every session of tests imports this module

        key, secret = self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"]
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name="us-east-1",
        )

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = f"bucket-{uuid4().hex[:8]}"
        self.client.create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, contents: Mapping[str, bytes]) -> None:
        """Writes objects."""
        for key, content in contents.items():
            self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def contents(self, bucket: str, prefix: str = "") -> dict[str, bytes]:
        """All objects whose keys begin with a prefix, by the rest of their keys."""
        return {
            key.removeprefix(prefix): self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
            for key in self._keys(bucket, prefix)
        }

    def drop(self, bucket: str) -> None:
        """Removes a bucket with all that is in it, though somebody may still write there."""
        for _ in range(100):
            for key in self._keys(bucket):
                self.client.delete_object(Bucket=bucket, Key=key)
            with suppress(self.client.exceptions.ClientError):
                self.client.delete_bucket(Bucket=bucket)
                return
        raise RuntimeError(f"{bucket} cannot be removed")

    def _keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]


@contextmanager
def serving() -> Iterator[S3]:
    """Starts a server, and ends it; it also ends if the tests die."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        start_new_session=True,
        preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    try:
        server = S3(f"http://127.0.0.1:{port}", process)
        _wait(server)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(server: S3, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while server.process.poll() is None and time.monotonic() < end:
        with suppress(requests.ConnectionError):
            requests.get(f"{server.endpoint}/moto-api/", timeout=5)
            return
        time.sleep(0.2)
    raise RuntimeError(f"moto_server did not answer within {seconds} s")
