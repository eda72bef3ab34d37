"""Does what a model reads about AI during pretraining change how it behaves when told that it is one?"""

__version__ = "0.1.0"
