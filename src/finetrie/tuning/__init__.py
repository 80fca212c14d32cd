"""Which weights move. A method is one file here: a frozen dataclass of its own settings.

>>> from finetrie.tuning import METHODS
>>> method = METHODS.get("lora")(rank=8)
>>> model = method.prepare(loaded.model, seed=0)    # train it ...
>>> method.save(model, run_dir / method.folder)     # ... and later, on a fresh base:
>>> model = method.load(loaded.model, run_dir / method.folder)
"""

from finetrie.tuning.base import METHODS, Method, trainable, trainable_counts

__all__ = ["METHODS", "Method", "trainable", "trainable_counts"]
