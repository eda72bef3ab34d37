"""Question suites from a user's own texts."""
