"""Reading base corpora: docstrings of installed packages, a user's own files, Hugging Face datasets."""
