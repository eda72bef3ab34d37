"""The cluster engine: nanotron 0.4 trains the same stages from the same token streams, with 3D parallelism."""
