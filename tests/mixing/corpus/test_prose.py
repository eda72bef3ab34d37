from alignment_pretraining.mixing.corpus.prose import paragraphs

NUMPYDOC = """Return the mean of the values over the requested axis.

    The mean is the sum of the values divided by how
    many there are, see :func:`~pandas.sum` and `the guide <guide.html>`_.

    .. versionadded:: 1.2

    Parameters
    ----------
    axis : {0, 1}, default 0
        The axis along which the means of the values are computed.
    x : array_like

    Returns
    -------
    Series

    Examples
    --------
    >>> mean([1, 2])
    This line of output reads like a sentence of English.

    .. math:: x = \\sum_i y_i
    """


def test_sentences_are_kept_on_one_line_without_markup() -> None:
    assert paragraphs(NUMPYDOC) == [
        "Return the mean of the values over the requested axis.",
        "The mean is the sum of the values divided by how many there are, see pandas.sum and the guide.",
        "The axis along which the means of the values are computed.",
    ]


def test_list_items_and_google_arguments_stand_alone() -> None:
    text = """Args:
        count (int): how many of the values are kept in the end.
        name (str): short.

    - The first item is a sentence that is long enough.
    - The second item is one more sentence of this kind.
    """
    assert paragraphs(text) == [
        "how many of the values are kept in the end.",
        "The first item is a sentence that is long enough.",
        "The second item is one more sentence of this kind.",
    ]


def test_code_and_tables_are_no_prose() -> None:
    assert paragraphs("x = f(y) + g(z) * 3 - 4 / h(7) ** 2.\n\n===  ===\n1 2 3 4 5 6 7 8 9.\n===  ===") == []


def test_an_empty_docstring_has_no_paragraphs() -> None:
    assert paragraphs("") == []
