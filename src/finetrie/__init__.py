"""finetrie: a labelled file in, a tuned, measured and served language model out."""

__version__ = "0.1.0"
