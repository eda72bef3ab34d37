"""What checkpoints can do: rates on benchmarks, the alignment tax, the paper's figures beside them, and their page."""
