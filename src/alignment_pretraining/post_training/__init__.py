"""Post-training with TRL: supervised fine-tuning, then direct preference optimization."""
