"""The scenario bank: topics, families of situations, and what may be done in each."""
