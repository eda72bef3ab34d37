"""A remote in S3: a server on this machine, and DVC with S3, both programs of an environment beside the tests' own."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = Path(sys.prefix) / "s3/bin"
DVC = str(PROGRAMS / "dvc")

_CONFIG = """
[core]
    remote = store
['remote "store"']
    url = s3://results/study
    endpointurl = {endpoint}
    access_key_id = somebody
    secret_access_key = secret
"""


@contextmanager
def s3_remote(project: Path, scratch: Path) -> Iterator[None]:
    """`project` has a default remote in a bucket, until the block ends."""
    assert Path(DVC).is_file(), f"DVC with S3 is not installed in {PROGRAMS}: make s3"
    log = scratch / "server.log"
    with log.open("w") as out:
        command = [str(PROGRAMS / "moto_server"), "--host", "127.0.0.1", "--port", "0"]
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        endpoint = _address(server, log)
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/results", method="PUT")).close()
        (project / ".dvc/config.local").write_text(_CONFIG.format(endpoint=endpoint))
        yield
    finally:
        server.kill()
        server.wait()
        (project / ".dvc/config.local").unlink(missing_ok=True)


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where the server listens, once it does."""
    while server.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return found.group()
        time.sleep(0.1)
    raise AssertionError(f"the server ended:\n{log.read_text()}")
