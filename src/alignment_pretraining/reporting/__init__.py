"""The report: rates and gaps from per-item results, the paper's effects, figures, one HTML page."""
