"""Two-option questions, from the scenario bank or from a user's own texts."""
