"""Facts about a model in memory: for the manifest, the report and the first line of a run."""

from __future__ import annotations

from typing import Any

import torch

from finetrie.models.precision import dtype_name


def describe(model: Any) -> dict[str, Any]:
    """Parameter counts, bytes and shape of a model, as JSON values.

    `parameters` counts shared tensors (tied embeddings) once. `trainable` counts those with `requires_grad`. `bytes` is
    what the weights take on their device.
    """
    parameters = list(model.parameters())  # torch lists shared tensors once
    base = model.get_base_model() if hasattr(model, "peft_config") else model
    config = model.config
    embeddings = model.get_input_embeddings().weight
    return {
        "architecture": type(base).__name__,
        "family": config.model_type,
        "parameters": sum(p.numel() for p in parameters),
        "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        "embedding_parameters": embeddings.numel(),
        "bytes": sum(p.numel() * p.element_size() for p in parameters),
        "dtype": dtype_name(model.dtype if isinstance(model.dtype, torch.dtype) else parameters[0].dtype),
        "layers": getattr(config, "num_hidden_layers", None),
        "width": getattr(config, "hidden_size", None),
        "vocabulary": embeddings.shape[0],
        "max_positions": getattr(config, "max_position_embeddings", None),
        "attention": getattr(config, "_attn_implementation", None),
        "device": str(parameters[0].device),
    }
