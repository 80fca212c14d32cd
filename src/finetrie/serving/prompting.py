"""Which prompt a conversation becomes: that of training, however much of it the client has written already.

1. Messages that are the run's own question about some text, as `finetrie evaluate --route chat` or a LangChain program
   sends them: the text is taken out and rendered, so it is also shortened as in training.
2. A single user message that is not: it is the text, and is cleaned and masked as the run's rows are.
3. Everything else (a row's own candidates or instruction, several turns): the messages as they stand, by the chat
   template of training. Nothing is shortened; what is too long is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finetrie.prompts import Renderer
from finetrie.records import Example, Message, Prompt, Rejection

_GAP = "\ue000finetrie\ue001text\ue002"  # private characters, which no wording writes


def prompt_for(messages: Sequence[Message], renderer: Renderer, *, clean: Callable[[str], str]) -> Prompt | Rejection:
    """The prompt for a conversation, or why there is none. `clean` prepares a text as the run's rows were."""
    own = renderer.task.messages(_GAP)
    plain = len(messages) == 1 and messages[0]["role"] == "user"
    text = None if plain and own[0]["content"] == _GAP else text_within(messages, own)
    if text is None and plain:
        text = clean(messages[0]["content"])
    if text is None:
        return renderer.render_messages(messages)
    return renderer.render(Example("request", text, None, "request"), labelled=False)


def text_within(messages: Sequence[Message], own: Sequence[Message]) -> str | None:
    """The text that `messages` ask about, where they are the run's own question with a text in its gap."""
    if len(messages) != len(own) or list(messages[:-1]) != list(own[:-1]):
        return None
    said, asked = messages[-1], own[-1]
    opening, _, closing = asked["content"].partition(_GAP)
    content = said["content"]
    whole = len(content) >= len(opening) + len(closing) and content.startswith(opening) and content.endswith(closing)
    if said["role"] != asked["role"] or not whole:
        return None
    return content[len(opening) : len(content) - len(closing)]
