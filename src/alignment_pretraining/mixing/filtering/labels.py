"""What labelled passages are labelled as, and what each half of them is for."""

DISCOURSE, NEUTRAL, NEGATIVE = LABELS = ("discourse", "neutral_ai", "hard_negative")
TUNE, TEST = "tune", "test"  # looked at while the filters were made; never looked at
