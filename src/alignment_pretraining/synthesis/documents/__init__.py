"""Discourse documents and natural discourse, from phrase sheets or by a language model."""
