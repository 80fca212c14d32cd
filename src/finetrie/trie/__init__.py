"""Computing what rows share once, exactly.

Rows of one task begin alike: instruction, label list, examples. This package merges token sequences
into the depth-first row of their prefix trie, lets the model attend along it, and asks for vocabulary
logits only at the nodes that need them. The result equals the padded batch, up to rounding.

Training:

    >>> for rows in plan(sequences, budget_tokens=default_budget(device.type)):
    ...     packed = pack([sequences[i] for i in rows], [supervised[i] for i in rows])
    ...     (pack_loss(model, packed) / supervised_tokens_of_the_step).backward()

Some models cannot be packed (recurrent, biased by distance, short windows); ask before training:

    >>> parity = parity_probe(model, sequences, supervised)   # all rows: the longest counts
    >>> if parity.exact: ...  # pack_loss(..., attention=parity.attention); else padded_loss and parity.message

Scoring, with what all prompts share computed once:

    >>> shared = common_prefix(prompts)                     # leaves each prompt at least one token
    >>> prefix = prefix_cache(model, prompts[0][:shared])   # once for the data set
    >>> branches = [prompt[shared:] + label for prompt in some_prompts for label in labels]
    >>> packed = pack(branches, offset=len(prefix))         # equal prompts merge; labels are children
    >>> path = packed.nodes[0]                              # nodes of the first branch, one a token
    >>> logits = node_logits(model, packed, path[-2:], prefix=prefix)   # (2, V), float32

`logits[j]` predicts the token *after* `nodes[j]`. `pack` keeps the order of its input in `Pack.nodes`;
equal nodes may be asked for repeatedly, but each request costs a row of logits: use `unique` first.
`prefix.cache(rows=n)` is a fresh transformers cache for ordinary batched generation behind the prefix.
A pack without a prefix has `offset=0` and needs no `prefix` argument.
"""

from finetrie.trie.attention import Attention
from finetrie.trie.loss import node_logits, pack_loss
from finetrie.trie.pack import Pack, pack
from finetrie.trie.padded import padded_loss
from finetrie.trie.parity import Parity, parity_probe
from finetrie.trie.plan import default_budget, plan
from finetrie.trie.prefix import Prefix, common_prefix, prefix_cache

__all__ = [
    "Attention",
    "Pack",
    "Parity",
    "Prefix",
    "common_prefix",
    "default_budget",
    "node_logits",
    "pack",
    "pack_loss",
    "padded_loss",
    "parity_probe",
    "plan",
    "prefix_cache",
]
