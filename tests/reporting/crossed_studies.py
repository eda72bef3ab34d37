"""Made-up studies: scores of two arms, by seed and question, in families."""

import numpy as np
import pandas as pd

ONE, MINUS = np.array([1.0]), np.array([1.0, -1.0])
FOURS = np.repeat(np.arange(16), 4)


def study(values: np.ndarray, families: np.ndarray) -> pd.DataFrame:
    rows = [
        {"arm": "xyzw"[c], "seed": s, "question_id": f"q{i:03}", "family": f"f{families[i]}", "score": values[c, s, i]}
        for c, s, i in np.ndindex(values.shape)
    ]
    return pd.DataFrame(rows)


def crossed_study(seed: int, effect: float, seeds: int = 3, groups: int = 16, wander: float = 0.02) -> np.ndarray:
    """Scores (2, S, n) whose cells differ by about `effect`, four questions a family."""
    generator = np.random.default_rng(seed)
    own = generator.normal(0, 0.05, (1, 1, groups)) + generator.normal(0, wander, (2, seeds, 1))
    base = np.array([0.5 + effect / 2, 0.5 - effect / 2])[:, None, None]
    return np.clip(np.repeat(base + own, 4, axis=-1) + generator.normal(0, 0.1, (2, seeds, 4 * groups)), 0, 1)
