"""Answers from a language model's API: paid for once, kept for good."""
