"""A client for OpenAI-compatible servers: paced, patient, and with every paid answer on disk before it is used.

`Client` says whom to ask and how hard, `Session` asks and tries again, `Cache` keeps the answers, `Budget` ends the
work. Rows written by a larger model (`data.synthesis`) and the engine for served models (`inference`) both ask through
it.
"""

from finetrie.endpoints.answer import Answer
from finetrie.endpoints.cache import Cache
from finetrie.endpoints.client import Client, Request
from finetrie.endpoints.pacing import Budget, Clock
from finetrie.endpoints.session import Failure, Session

__all__ = ["Answer", "Budget", "Cache", "Client", "Clock", "Failure", "Request", "Session"]
