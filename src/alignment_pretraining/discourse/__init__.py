"""Scenarios, and the questions, documents and conversations that are made from them."""
