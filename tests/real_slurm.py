"""Slurm itself on this machine alone, in a folder: controller, node and authentication as Debian has them."""

from __future__ import annotations

import getpass
import os
import platform
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

# `cred_expire`: a job that is requeued waits for so many seconds until it begins again (by default 120).
# `ReturnToService`: a node that was set down stays down until it is told to resume.
_CONFIG = """
ClusterName=tests
FirstJobId={first_job}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmdParameters=config_overrides
ReturnToService=1
KillWait=2
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=16000 Gres=gpu:8
PartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


def is_installed() -> bool:
    """Whether this machine has it."""
    return all(shutil.which(name, path=_path()) for name in ("slurmctld", "slurmd", "munged", "sbatch"))


@contextmanager
def running(folder: Path) -> Iterator[Path]:
    """Start it in a new folder; while it runs, the file that is given belongs into the variable SLURM_CONF.

    Raises:
        RuntimeError: the node does not come up; has the ends of the logs.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key, config = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    ports = {"controller": _free_port(), "node": _free_port()}
    # Ranks of a job meet at a port of its number, and beside this one there may be Slurm of other tests.
    about = {"host": platform.node(), "user": getpass.getuser(), "folder": folder, "first_job": _first_job()}
    config.write_text(_CONFIG.format(**about, **ports))
    # Its node is to have GPUs: files stand for devices, which nothing opens.
    for number in range(8):
        (folder / f"gpu{number}").touch()
    (folder / "gres.conf").write_text(f"NodeName=localhost Name=gpu File={folder}/gpu[0-7]\n")
    munge = [f"--{name}={folder}/munge.{end}" for name, end in _MUNGE.items()]
    with ExitStack() as stack:
        for name, *arguments in (
            ("munged", "--foreground", "--force", f"--key-file={key}", *munge),
            ("slurmctld", "-D"),
            ("slurmd", "-D", "-N", "localhost"),
        ):
            stack.enter_context(_daemon(folder, name, *arguments))
        _wait_for_node(folder, config)
        yield config


_MUNGE = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}


def jobs() -> set[str]:
    """Numbers of all jobs that it knows."""
    command = ["squeue", "--noheader", "--states=all", "--format=%F"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def fail_the_machine() -> None:
    """The node is gone for a moment."""
    for state in ("down", "resume"):
        _tell("scontrol", "update", "nodename=localhost", f"state={state}", "reason=power")


@contextmanager
def failing_then_out_of_time(saved: Callable[[], int]) -> Iterator[None]:
    """While the one job that is submitted inside is at work, the machine fails, and then its time ends.

    `saved` tells the step of the last save.

    Raises:
        TimeoutError: there is no save in two minutes.
    """
    with ThreadPoolExecutor(1) as pool:
        fate = pool.submit(_fail_then_end_the_time, saved, jobs())
        yield
        fate.result()


def _fail_then_end_the_time(saved: Callable[[], int], before: set[str]) -> None:
    """After the first save of the one job that is not among `before`, the machine is gone for a moment; after another
    save Slurm's signal says that its time is nearly up."""
    reached = _wait_for_a_save_beyond(0, saved)
    fail_the_machine()
    _wait_for_a_save_beyond(reached, saved)
    (job,) = jobs() - before
    _tell("scancel", "--batch", "--signal=USR1", job)


def _wait_for_a_save_beyond(step: int, saved: Callable[[], int]) -> int:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if (reached := saved()) > step:
            return reached
        time.sleep(0.01)
    raise TimeoutError(f"no save after step {step}")


def _tell(*command: str) -> None:
    subprocess.run(command, check=True, timeout=60)


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin"


@contextmanager
def _daemon(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    env = {**os.environ, "PATH": _path(), "SLURM_CONF": str(folder / "slurm.conf")}
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen([name, *arguments], env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _wait_for_node(folder: Path, config: Path) -> None:
    end = time.monotonic() + 60
    env = {**os.environ, "SLURM_CONF": str(config)}
    while time.monotonic() < end:
        found = subprocess.run(["sinfo", "--noheader", "--format=%T"], env=env, capture_output=True, text=True)
        if found.stdout.strip() == "idle":
            return
        time.sleep(0.1)
    logs = [f"{log.name}: {log.read_text()[-1000:]}" for log in folder.glob("*.log")]
    raise RuntimeError("\n".join(["Slurm's node does not come up", *logs]))


def _first_job() -> int:
    return 1 + secrets.randbelow(19_000)


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
