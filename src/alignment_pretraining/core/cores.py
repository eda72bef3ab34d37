"""Cores of the machine."""

import os


def available_cores() -> int:
    """How many this process may use: fewer than there are under Slurm, in a container, or by `taskset`."""
    return len(os.sched_getaffinity(0))
