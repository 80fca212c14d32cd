"""From examples to tokens: the one renderer of training, evaluation and serving."""

from finetrie.prompts.renderer import Renderer, choose_reserve, kept_prompts

__all__ = ["Renderer", "choose_reserve", "kept_prompts"]
