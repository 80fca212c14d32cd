"""Prepare: files → examples → splits → a frozen task and renderer, everything recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetrie.config import Run
from finetrie.data.card import card
from finetrie.data.language import language_of
from finetrie.data.reading import Dataset, check_labels, read
from finetrie.data.splits import Split, split
from finetrie.errors import CheckpointError, DataError
from finetrie.files import read_json, read_jsonl, write_json, write_jsonl
from finetrie.models.loading import load_tokenizer
from finetrie.prompts.renderer import Renderer, choose_reserve
from finetrie.records import Example, Prompt, Rejection, Span
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.workspace import Workspace, open_workspace
from finetrie.tasks.base import Task, task_from
