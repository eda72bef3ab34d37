"""Tokenizer, token shards, and the mixture that a training stage reads."""
