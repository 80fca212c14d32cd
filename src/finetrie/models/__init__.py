"""Load a base model from a folder or a hub, and say what it is. Weights come from safetensors only."""
