"""What is asked, and how an answer is read. No tokens here: `finetrie.prompts` turns messages into ids."""

from finetrie.tasks.base import REASONS, TASKS, Reason, Task, task_from
from finetrie.tasks.locate import TIERS, Tier, locate
from finetrie.tasks.wordings import WORDINGS, Question, Wording

__all__ = [
    "REASONS",
    "TASKS",
    "TIERS",
    "WORDINGS",
    "Question",
    "Reason",
    "Task",
    "Tier",
    "Wording",
    "locate",
    "task_from",
]
