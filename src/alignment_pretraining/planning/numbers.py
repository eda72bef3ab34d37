"""Numbers for a reader of plans."""


def significant(value: float, digits: int) -> str:
    """`value` with so many digits that count, in full: never `1e+03`, which the format of Python makes of 999.9."""
    return f"{float(f'{value:.{digits}g}'):,.10g}"
