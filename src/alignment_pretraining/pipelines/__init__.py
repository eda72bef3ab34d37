"""The six pipelines: wiring only."""
