"""An engine behind an HTTP API, so that programs which speak OpenAI's protocol can ask a tuned run.

`app(engine, renderer, ...)` is a Starlette application; `finetrie serve` runs it.
"""

from finetrie.serving.app import Served, app

__all__ = ["Served", "app"]
