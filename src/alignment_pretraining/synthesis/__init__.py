"""Scenarios, question suites, discourse documents and chat data, written offline or by a language model."""
