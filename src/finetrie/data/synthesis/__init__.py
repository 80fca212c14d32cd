"""Rows written by a larger model, through any OpenAI-compatible server.

>>> from finetrie.data.synthesis import Budget, Cache, Client, Label, write
>>> client = Client("https://llm.example/v1", "large-model", key_env="LLM_KEY")            # doctest: +SKIP
>>> recipe = Label(labels=("体育", "财经"))
>>> with Cache("answers.sqlite") as cache:                                                # doctest: +SKIP
...     for written in write(examples, recipe, client, cache=cache, budget=Budget(200_000)):
...         print(written.result)  # a new Example, or the Rejection that says why there is none

A recipe says what is asked about a row and judges the answer; the client says whom to ask and how often; the cache
keeps every answer that was paid for. Running the same lines again, after a crash or with a larger budget, asks only
what has not been answered yet.
"""

from __future__ import annotations

from finetrie.data.synthesis.ask import Question
from finetrie.data.synthesis.label import Entities, Label
from finetrie.data.synthesis.paraphrase import Paraphrase
from finetrie.data.synthesis.prompts import Template, read_template
from finetrie.data.synthesis.recipe import Recipe, Refused
from finetrie.data.synthesis.writing import stream, write
from finetrie.data.synthesis.written import Provenance, Tally, Written
from finetrie.endpoints.cache import Cache
from finetrie.endpoints.client import Client
from finetrie.endpoints.pacing import Budget, Clock

__all__ = [
    "Budget",
    "Cache",
    "Client",
    "Clock",
    "Entities",
    "Label",
    "Paraphrase",
    "Provenance",
    "Question",
    "Recipe",
    "Refused",
    "Tally",
    "Template",
    "Written",
    "read_template",
    "stream",
    "write",
]
