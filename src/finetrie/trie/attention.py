"""How a model is made to attend along the trie, and left as it was.

Three ways, equal up to rounding:

dense   the model's own attention with an L × L mask: runs anywhere, cost grows with L²
branch  a function of ours behind transformers' attention interface: each branch attends what is
        above it and itself (`branches`)
flex    PyTorch's FlexAttention, compiled for CUDA: skips blocks in which nothing is visible

`auto` chooses by the cost of this very pack. The function of ours finds its pack among the keyword
arguments that transformers hands down to every attention layer, under the name `trie`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from transformers import AttentionInterface, PreTrainedModel

from finetrie.errors import ModelError
from finetrie.trie import branches
from finetrie.trie.masks import FLEX_BLOCK, dense_mask, flex_mask
from finetrie.trie.pack import Pack

Attention = Literal["auto", "dense", "branch", "flex"]

NAME = "finetrie"  # of our function in transformers' registry
UNSUPPORTED = ("softcap", "s_aux", "position_bias")  # arguments that change the scores; no function of ours takes them
TAKES_MASK = ("sdpa", "eager")  # transformers' own implementations that add a 4-D mask to the scores
FLEX_FROM = 512  # nodes; below, compiled kernels gain nothing on a dense mask


@dataclass(frozen=True, eq=False, slots=True)
class Flex:
    """FlexAttention's view of a pack."""

    mask: BlockMask


@dataclass(frozen=True, eq=False, slots=True)
class Way:
    """How a model computes one pack."""

    inputs: dict[str, Any]  # keyword arguments of the model
    implementation: str  # its attention implementation meanwhile


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    trie: branches.Branches | Flex | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention along a trie, in the signature of transformers' attention interface.

    Raises:
        ModelError: the model did not hand the pack down, or its scores are not plain dot products.
    """
    changed = [name for name in UNSUPPORTED if others.get(name) is not None]
    if trie is None or changed:
        what = f"its attention uses {changed[0]}" if changed else "it does not hand keyword arguments to its attention"
        raise ModelError(
            f"{type(module).__name__}: {what}, which per-branch attention cannot do", fix='use attention="dense"'
        )
    if isinstance(trie, Flex):
        if dropout:
            raise ModelError("FlexAttention has no attention dropout", fix='use attention="branch"')
        out = _compiled_flex(query.device.type)(
            query, key, value, block_mask=trie.mask, scale=scaling, enable_gqa=query.shape[1] != key.shape[1]
        )
        return out.transpose(1, 2), None
    return branches.attend(trie, query, key, value, scale=scaling, dropout=dropout), None


AttentionInterface.register(NAME, attend)


@contextmanager
def attending(model: Any, pack: Pack, *, attention: Attention = "auto", past: int = 0) -> Iterator[Way]:
    """The way in which `model` computes `pack`; valid inside the block only.

    Inside, the model may use another attention implementation; afterwards it uses its own again.
    For a backward pass outside the block, see `hold`.
    `past` tokens in a cache stand before the pack, visible to all of it.

    Raises:
        ModelError: the model has a sliding window shorter than a row, or cannot use this attention.
    """
    inner = transformer(model)
    reach = window(inner)
    if reach is not None and pack.depth > reach:
        raise ModelError(
            f"{type(inner).__name__} attends {reach} tokens back, but a row has {pack.depth}",
            fix="train on padded batches, or shorten model.max_tokens",
        )
    pack = pack.to(inner.device)
    dtype = compute_dtype(inner)
    chosen = choose(inner, pack, past=past) if attention == "auto" else attention
    own = inner.config._attn_implementation
    route: branches.Branches | Flex | None = None
    mask = None
    if chosen == "dense":
        mask = dense_mask(pack.subtree_end, past=past, dtype=dtype)
    elif chosen == "flex":
        pack = _lengthened(pack)
        route = Flex(flex_mask(pack.subtree_end, past=past))
    else:
        route = branches.branches(pack, past=past, dtype=dtype)
    inputs = {"input_ids": pack.input_ids[None], "position_ids": pack.position_ids[None], "attention_mask": mask}
    name = NAME if route else own if own in TAKES_MASK else "sdpa"
    with using(inner, name):
        yield Way(inputs if route is None else {**inputs, "trie": route}, name)


def hold(logits: Tensor, model: Any, implementation: str) -> Tensor:
    """`logits`, whose backward pass runs under the attention they were computed with.

    Gradient checkpointing computes the layers again during `backward`, when the model has its own
    attention back. Without checkpointing there is nothing to hold.
    """
    inner = transformer(model)
    checkpointing = any(getattr(module, "gradient_checkpointing", False) for module in inner.modules())
    if not (checkpointing and logits.requires_grad) or implementation == inner.config._attn_implementation:
        return logits
    held: Tensor = _Hold.apply(logits, inner, implementation)  # type: ignore[no-untyped-call]
    return held


class _Hold(torch.autograd.Function):
    """Identity; its backward comes before the model's, and switches the attention until all is done."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, model: PreTrainedModel, implementation: str) -> Tensor:
        ctx.model, ctx.implementation, ctx.own = model, implementation, model.config._attn_implementation
        return logits.view_as(logits)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        model, own = ctx.model, ctx.own
        model.set_attn_implementation(ctx.implementation)
        torch.autograd.Variable._execution_engine.queue_callback(lambda: model.set_attn_implementation(own))
        return grad_outputs[0], None, None


def choices(model: PreTrainedModel) -> tuple[Literal["dense", "branch", "flex"], ...]:
    """What `auto` may choose for this model on its device now."""
    if not getattr(model, "_supports_attention_backend", False):
        return ("dense",)
    flex = model.device.type == "cuda" and find_spec("triton") and not _drops(model)
    return ("dense", "branch", "flex") if flex else ("dense", "branch")


def choose(model: PreTrainedModel, pack: Pack, *, past: int = 0) -> Literal["dense", "branch", "flex"]:
    """The cheapest attention for this pack on this model and device.

    On CUDA FlexAttention, where its compiler is installed. Elsewhere the scores that each way computes
    are counted, with the overhead of cutting in the same unit (`branches.cost`).
    """
    possible = choices(model)
    if "flex" in possible and len(pack) >= FLEX_FROM:
        return "flex"
    if "branch" not in possible:
        return "dense"
    groups = branches.bucketed(
        branches.blocks(pack.subtree_end.cpu().numpy(), pack.position_ids.cpu().numpy()), past=past
    )
    return "branch" if branches.cost(groups, past=past) < len(pack) * (past + len(pack)) else "dense"


def transformer(model: Any) -> PreTrainedModel:
    """The transformers model inside adapters and parallel wrappers.

    Raises:
        ModelError: there is none.
    """
    for module in model.modules():
        if isinstance(module, PreTrainedModel):
            return module
    raise ModelError(f"{type(model).__name__} holds no transformers model")


def window(model: PreTrainedModel) -> int | None:
    """The fewest tokens back that some layer attends; None: all layers attend everything.

    A mask given from outside replaces the window in transformers, so packing is exact only for rows
    that fit into it.
    """
    config = model.config.get_text_config()
    sizes = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size", "window_size")]
    layers = getattr(config, "layer_types", None)
    if layers is not None and all(kind == "full_attention" for kind in layers):
        return None
    return min((size for size in sizes if isinstance(size, int)), default=None)


def compute_dtype(model: PreTrainedModel) -> torch.dtype:
    """The dtype of queries and keys: autocast's where it is on, else the model's."""
    kind = model.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else model.dtype


@contextmanager
def using(model: PreTrainedModel, name: str) -> Iterator[None]:
    """Let the model use the attention called `name`, and its own again afterwards."""
    own = model.config._attn_implementation
    if own == name:
        yield
        return
    model.set_attn_implementation(name)
    try:
        if model.config._attn_implementation != name:
            raise ModelError(
                f"{type(model).__name__} does not take another attention implementation", fix='use attention="dense"'
            )
        yield
    finally:
        model.set_attn_implementation(own)


def _lengthened(pack: Pack) -> Pack:
    """The pack with lone nodes behind it, up to a multiple of FlexAttention's block.

    They see only themselves and nothing sees them; nodes keep their numbers.
    """
    length = len(pack)
    gap = -length % FLEX_BLOCK
    if not gap:
        return pack
    lone = torch.arange(length + 1, length + gap + 1, device=pack.input_ids.device)
    return Pack(
        input_ids=functional.pad(pack.input_ids, (0, gap)),
        position_ids=functional.pad(pack.position_ids, (0, gap), value=pack.offset),
        subtree_end=torch.cat([pack.subtree_end, lone]),
        predict=pack.predict,
        target=pack.target,
        weight=pack.weight,
        nodes=pack.nodes,
    )


def _drops(model: PreTrainedModel) -> bool:
    """Does this model drop attention weights now? FlexAttention cannot."""
    return model.training and bool(getattr(model.config.get_text_config(), "attention_dropout", 0.0))


@cache
def _compiled_flex(device_type: str) -> Any:
    """FlexAttention is only fast, and on CUDA only frugal, when compiled."""
    return torch.compile(flex_attention) if device_type == "cuda" else flex_attention
