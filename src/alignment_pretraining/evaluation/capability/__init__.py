"""What a model can do: benchmarks as lm-evaluation-harness tasks, and how a checkpoint answers them."""
