"""Tasks that lm-evaluation-harness lacks, as files that it reads (`--include_path`)."""
