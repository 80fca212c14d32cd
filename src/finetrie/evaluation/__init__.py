"""Gold and predictions → outcomes, scores and intervals. No model, no file, no torch."""

from finetrie.evaluation.calibration import calibration
from finetrie.evaluation.classification import evaluate_classification, majority_accuracy
from finetrie.evaluation.entities import evaluate_entities
from finetrie.evaluation.entity_errors import EntityErrors, pair_errors
from finetrie.evaluation.instruction import evaluate_instruction
from finetrie.evaluation.intervals import wilson
from finetrie.evaluation.ledger import LedgerError, classify_outcomes, ledger

__all__ = [
    "EntityErrors",
    "LedgerError",
    "calibration",
    "classify_outcomes",
    "evaluate_classification",
    "evaluate_entities",
    "evaluate_instruction",
    "ledger",
    "majority_accuracy",
    "pair_errors",
    "wilson",
]
