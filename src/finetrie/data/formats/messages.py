"""Chat messages: turns of `user` and `assistant`, as chat templates and most services take them."""

from finetrie.data.formats import FORMATS
from finetrie.data.formats.turns import Chat

FORMATS.register("messages")(
    Chat(
        name="messages",
        about='{"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}, ...]}',
        who="role",
        what="content",
        roles={"user": "user", "assistant": "assistant", "system": "system", "human": "user", "developer": "system"},
        speakers={"user": "user", "assistant": "assistant", "system": "system"},
        column="messages",
        sample_rows=(
            {"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！"}]},
            {
                "messages": [
                    {"role": "system", "content": "Answer briefly."},
                    {"role": "user", "content": "Name a prime."},
                    {"role": "assistant", "content": "2"},
                    {"role": "user", "content": "Another one."},
                    {"role": "assistant", "content": "3"},
                ]
            },
        ),
    )
)
