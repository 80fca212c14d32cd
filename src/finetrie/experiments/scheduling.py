"""Independent pieces of work, one after another or on a cluster: what fails is kept, and the others go on."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

from finetrie.errors import FinetrieError

TRACE_LINES = 30
"""Last lines of a traceback that are kept of an error that is no user's mistake."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work: `payload` is all that the work needs to know, and can be pickled."""

    name: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job has no result."""

    kind: str  # name of the exception
    message: str
    traceback: str | None = None  # where it is not an error that the user can fix
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Started:
    """A job has begun."""

    name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A job is over: done, or failed."""

    name: str
    seconds: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The process or machine of a job is gone; the job begins again where it left its checkpoint."""

    name: str
    attempt: int  # that was lost, counted from 1
    reason: str


Event: TypeAlias = Started | Ended | Lost
Work: TypeAlias = Callable[[Any], None]
"""Does one job, given its payload. What it makes lies on disk, and it continues what it finds there."""


def attempt(work: Work, payload: Any) -> Failure | None:
    """Do one job; what goes wrong in it comes back, except what ends the whole program."""
    try:
        work(payload)
    except FinetrieError as error:
        return Failure(type(error).__name__, str(error))
    except Exception as error:
        lines = "".join(traceback.format_exception(error)).splitlines()[-TRACE_LINES:]
        return Failure(type(error).__name__, str(error), "\n".join(lines))
    return None


def serially(jobs: Sequence[Job], work: Work) -> Iterator[Event]:
    """Do all jobs in this process, in order."""
    for job in jobs:
        yield Started(job.name)
        begun = perf_counter()
        failure = attempt(work, job.payload)
        yield Ended(job.name, perf_counter() - begun, failure)
