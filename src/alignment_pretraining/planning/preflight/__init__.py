"""Whether a study can reach its end: every budget against what there is, before the first node runs."""
