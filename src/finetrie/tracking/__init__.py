"""What a run leaves behind: its directory, its event log, its manifest, and sinks that show it elsewhere.

Nothing here imports torch, and nothing here can stop training. `events.jsonl` is the truth, every sink is a copy.
"""

from finetrie.tracking.events import EventLog, read_events, series
from finetrie.tracking.manifest import environment, write_manifest
from finetrie.tracking.rundir import RunDir
from finetrie.tracking.sinks import Sink, Tracker
from finetrie.tracking.swanlab import SwanLabSink

__all__ = [
    "EventLog",
    "RunDir",
    "Sink",
    "SwanLabSink",
    "Tracker",
    "environment",
    "read_events",
    "series",
    "write_manifest",
]
