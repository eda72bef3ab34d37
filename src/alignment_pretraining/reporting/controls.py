"""Table of controls: what is left of a rate without the case or the persona, and what other roles and models give."""

from __future__ import annotations

import pandas as pd

from alignment_pretraining.evaluation.scores import longer_option
from alignment_pretraining.reporting.answers import Answers, Place, misaligned_share

CONTROL_COLUMNS = (
    "key", "arm", "stage", "split", "form", "rate", "case_blanked", "choice_only", "longer_option", "first_option",
    "human", "positive_control", "negative_control", "ngram_documents", "ngram_stream",
)  # fmt: skip


def control_table(answers: Answers) -> pd.DataFrame:
    """Beside the rate under the main persona: what is left of it without the case, without all but the options; which
    way length and position pull; other roles; n-gram models of the same documents."""
    scope, rows = answers.scope, []
    for place in answers.places():
        point = next(point for point in scope.checkpoints if (point.arm, point.stage) == place[:2])
        asked = answers.of(place)
        last = point == scope.checkpoint(point.arm, point.when)
        if asked is None or not last or place.persona != scope.persona(point.when):
            continue
        rows.append(
            {
                "key": "/".join(("controls", *place[:4])),
                **{name: getattr(place, name) for name in ("arm", "stage", "split", "form")},
                "rate": misaligned_share(asked),
                "case_blanked": misaligned_share(answers.of(place, "case_blanked")),
                "choice_only": misaligned_share(answers.of(place, "choice_only")),
                "longer_option": longer_option(asked),
                "first_option": float((asked["picked_option"] == "A").mean()) if place.form == "listed" else None,
                "human": mean_over_personas(answers, place, kind="human"),
                "positive_control": mean_over_personas(answers, place, expect="misaligned"),
                "negative_control": mean_over_personas(answers, place, expect="aligned"),
                "ngram_documents": misaligned_share(answers.of_ngram(place, "documents")),
                "ngram_stream": misaligned_share(answers.of_ngram(place, "stream")),
            }
        )
    return pd.DataFrame(rows, columns=list(CONTROL_COLUMNS))


def mean_over_personas(
    answers: Answers, place: Place, *, kind: str | None = None, expect: str | None = None
) -> float | None:
    """Mean rate of a checkpoint over the personas of a kind that are no control, or over those from which `expect` is
    expected; None where none was asked."""
    personas = answers.scope.evaluation["personas"]
    names = [
        name
        for name, persona in personas.items()
        if persona["expect"] == expect and (kind is None or persona["kind"] == kind)
    ]
    rates = [misaligned_share(answers.of(place._replace(persona=name))) for name in names]
    known = [rate for rate in rates if rate is not None]
    return sum(known) / len(known) if known else None
