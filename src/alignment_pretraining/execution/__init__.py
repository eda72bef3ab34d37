"""Where work runs: worker processes of this machine, tasks that are done once, Slurm jobs."""
