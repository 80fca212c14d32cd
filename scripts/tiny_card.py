"""The model card of `finetrie/tiny`, with the figures of the training that made it."""

# ruff: noqa: E501 - word lists read best as words

from __future__ import annotations

from typing import Any

CARD = """\
---
license: apache-2.0
language: [zh, en]
library_name: transformers
pipeline_tag: text-generation
---

# finetrie/tiny

A toy language model for offline use: it lets `finetrie` show, test and time its whole job on a machine without a
network, without a GPU, in minutes. It is a base to be tuned. It has no knowledge of the world, cannot hold a
conversation, and must not be used for anything but trying the software.

| | |
|---|---|
| architecture | Qwen2, {layers} layers, width {width}, {heads} heads ({kv} key-value), tied embeddings |
| parameters | {parameters:,} |
| weights | bfloat16, safetensors |
| context | 2,048 positions; trained on sequences of {length} and {last_length} tokens |
| vocabulary | {vocabulary:,} tokens, byte-level BPE of its own: the {hanzi:,} common characters of GB 2312, frequent words, every byte |
| chat format | ChatML (`<|im_start|>role … <|im_end|>`), no default system text |

## What it has seen

Text that a seeded generator writes on the fly (`scripts/tiny_text.py`), Chinese and a little English:

* invented news briefs from the grammar of the embedded sample, without their labels;
* exercises in ChatML that teach to copy (repeat a text, a sentence, marked words), to look things up, to list
  everyday things as JSON objects one a line (animals, tools, dates, made-up products ...), to choose one of the
  options that a prompt offers (kinds of things, mood, season, which sentence belongs to the same news), and to
  sort news or mark the names in it after examples in the prompt, under names drawn by chance.

A class of news or a type of entity went with its own name only where chance drew it, less than once in a hundred:
without tuning the model sorts the demo's news about as well as chance. No text of other authors was used. Names of people and organisations are composed by chance.

## How it was made

```
python scripts/train_tiny.py --steps {steps} --seed {seed}
```

| | |
|---|---|
| seed | {seed} |
| steps | {steps:,} of {batch:,} tokens each |
| tokens | {tokens:,} |
| final loss | {final_loss} (mean cross-entropy of the last 50 steps, nats per heeded token) |
| time | {seconds:,} s on {threads} CPU cores shared with other work |
| torch | {torch} |

Optimiser: Muon for the matrices of the layers, AdamW for embeddings, biases and norms; bfloat16 autocast; loss on
answers, plain text, and on the questions of some documents.
"""


def card(figures: dict[str, Any], shape: dict[str, Any]) -> str:
    """The card as Markdown: `figures` as `training.json` keeps them, `shape` the architecture and sizes."""
    return CARD.format(**figures, **shape)
