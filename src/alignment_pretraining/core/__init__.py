"""What every package may use and what uses none: errors, specifications, files and hashes, labels, token shards."""
