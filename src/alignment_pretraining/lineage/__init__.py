"""Where every number comes from: fingerprints, records of node runs, drift, MLflow, DVC and trace."""
