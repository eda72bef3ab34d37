"""What stands in on this machine for Slurm, for datasets on the hub and for a language model's API."""
