"""Benign conversations, preference pairs and multiple-choice questions."""
