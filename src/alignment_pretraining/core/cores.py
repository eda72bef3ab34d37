"""Cores of the machine."""

import os


def available_cores() -> int:
    """How many this process may use: fewer than there are where Slurm, a container or `taskset` names them."""
    return len(os.sched_getaffinity(0))
