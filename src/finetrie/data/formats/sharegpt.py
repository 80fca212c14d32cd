"""The ShareGPT form: turns of `human` and `gpt`."""

from finetrie.data.formats import FORMATS
from finetrie.data.formats.turns import Chat

FORMATS.register("sharegpt")(
    Chat(
        name="sharegpt",
        about='{"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}, ...]}',
        who="from",
        what="value",
        roles={
            "human": "user",
            "user": "user",
            "gpt": "assistant",
            "chatgpt": "assistant",
            "bot": "assistant",
            "model": "assistant",
            "assistant": "assistant",
            "system": "system",
        },
        speakers={"user": "human", "assistant": "gpt", "system": "system"},
        column="conversations",
        sample_rows=(
            {"conversations": [{"from": "human", "value": "你好"}, {"from": "gpt", "value": "你好！有什么可以帮你？"}]},
            {
                "conversations": [
                    {"from": "system", "value": "Answer briefly."},
                    {"from": "human", "value": "Name a prime."},
                    {"from": "gpt", "value": "2"},
                    {"from": "human", "value": "Another one."},
                    {"from": "gpt", "value": "3"},
                ]
            },
        ),
    )
)
