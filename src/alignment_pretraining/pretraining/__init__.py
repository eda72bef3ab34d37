"""Base training: on this machine, or by nanotron on a cluster."""
