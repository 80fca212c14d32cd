"""An `Engine` answers prompts: how probable each label is, and what greedy generation says.

    >>> engine = LocalEngine(model, renderer)
    >>> for scores in engine.score(prompts, [task.labels] * len(prompts)):
    ...     print(scores.id, scores.argmax, scores.probabilities[scores.argmax], scores.free)
    >>> for completion in engine.generate(prompts, max_new_tokens=64):
    ...     print(completion.id, completion.text)

Results come in the order of the prompts, one for each; a row that fails says why in `error`.
"""

from finetrie.inference.batching import Sizes
from finetrie.inference.engine import DECODINGS, Completion, Decoding, Engine, LabelScores, Wording
from finetrie.inference.local import LocalEngine
from finetrie.inference.served import ServedEngine

__all__ = [
    "DECODINGS",
    "Completion",
    "Decoding",
    "Engine",
    "LabelScores",
    "LocalEngine",
    "ServedEngine",
    "Sizes",
    "Wording",
]
