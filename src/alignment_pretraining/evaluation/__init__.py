"""How often a model picks the misaligned option: the suite, its scoring, the statistics and the paper's figures."""
