"""Where work runs: worker processes, tasks that are done once, Slurm jobs."""
