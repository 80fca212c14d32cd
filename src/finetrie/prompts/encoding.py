"""Tokens from text in which only the chat markup can become control tokens.

A text may hold `<|im_end|>` or `<think>`. Tokenised as part of a prompt it would end the turn. So markup is
written in a private alphabet: every control token has a random name that no text can contain, and the tokenizer used
here knows control tokens by those names only. Everything else is tokenised in one piece with its surroundings, so
ordinary texts give exactly the tokens that the tokenizer itself gives.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

EDGE = "\U0010fffe"  # a noncharacter; together with random digits no text holds a private name


class Encoder:
    """A tokenizer with private names for control tokens.

    Control tokens are the tokenizer's special tokens, and those of its other added tokens that the chat template
    writes, such as `<think>`. Added tokens that are words or white space stay part of ordinary text.
    """

    def __init__(self, tokenizer: Any, template: str) -> None:
        secret = secrets.token_hex(8)
        self._tokenizer = tokenizer
        self._id = {
            token.content: number
            for number, token in sorted(tokenizer.added_tokens_decoder.items())
            if token.special or (token.content in template and not _is_word(token.content))
        }
        self._private = {content: f"{EDGE}{secret}{number}{EDGE}" for content, number in self._id.items()}
        self.boundary = f"{EDGE}{secret}|{EDGE}"
        """Text before and after it is tokenised apart; it leaves no token itself."""
        self._literal = re.compile("|".join(map(re.escape, sorted(self._id, key=len, reverse=True))) or r"(?!)")
        self._public = {private: content for content, private in self._private.items()}
        self._named = re.compile(f"{EDGE}{secret}(?:\\d+|\\|){EDGE}")
        tree = _tree(tokenizer)
        self.identity = _identity(tokenizer, tree)
        """SHA-256 of everything that decides which tokens a text becomes."""
        self._raw = _renamed(tree, self._private, self._id, self.boundary) if tree is not None else None

    def markup(self, text: str) -> str:
        """`text` of a template, with its control tokens in the private alphabet."""
        return self._literal.sub(lambda found: self._private[found[0]], text)

    def first_control(self, markup: str) -> tuple[int, int, int] | None:
        """Where the first control token of `markup` starts and ends, and its id."""
        for found in self._named.finditer(markup):
            if found[0] in self._public:
                return found.start(), found.end(), self._id[self._public[found[0]]]
        return None

    def public(self, markup: str) -> str:
        """Markup as people read it."""
        return self._named.sub(lambda found: self._public.get(found[0], ""), markup)

    def encode_many(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """For each text its token ids, one list for each stretch between boundaries."""
        if self._raw is None:
            return [self._encode_slowly(text) for text in texts]
        encoded = self._raw.encode_batch_fast(list(texts), add_special_tokens=False)
        boundary = self._raw.token_to_id(self.boundary)
        return [_split(encoding.ids, boundary) for encoding in encoded]

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has; faster than making them."""
        if self._raw is None:
            return [sum(map(len, parts)) for parts in self.encode_many(texts)]
        encoded = self._raw.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(found) - text.count(self.boundary) for found, text in zip(encoded, texts, strict=True)]

    def encode(self, text: str) -> list[list[int]]:
        return self.encode_many([text])[0]

    def _encode_slowly(self, text: str) -> list[list[int]]:
        """The same with a tokenizer that is not of the tokenizers library: piece by piece."""
        parts: list[list[int]] = [[]]
        end = 0
        for found in [*self._named.finditer(text), None]:
            piece = text[end : found.start()] if found else text[end:]
            if piece:
                parts[-1] += self._tokenizer(piece, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            if found is None:
                continue
            end = found.end()
            if found[0] == self.boundary:
                parts.append([])
            else:
                parts[-1].append(self._id[self._public[found[0]]])
        return parts


@lru_cache(maxsize=4)
def _encoder(tokenizer: Any, size: int, template: str) -> Encoder:
    return Encoder(tokenizer, template)


def encoder_for(tokenizer: Any, template: str) -> Encoder:
    """An encoder, shared by all that ask for the same tokenizer: making one takes about a second."""
    return _encoder(tokenizer, len(tokenizer), template)


def _is_word(token: str) -> bool:
    return token.isspace() or token.isalnum()


def _tree(tokenizer: Any) -> dict[str, Any] | None:
    """The tokenizers-library tokenizer as JSON, without the state that calls leave behind; None if it is not one."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if not hasattr(backend, "to_str"):
        return None
    tree: dict[str, Any] = json.loads(backend.to_str())
    return {**tree, "truncation": None, "padding": None, "post_processor": None}


def _identity(tokenizer: Any, tree: dict[str, Any] | None) -> str:
    if tree is None:
        added = {str(number): token.content for number, token in tokenizer.added_tokens_decoder.items()}
        tree = {"class": type(tokenizer).__name__, "vocab": sorted(tokenizer.get_vocab().items()), "added": added}
    return sha256(json.dumps(tree).encode()).hexdigest()


def _renamed(tree: dict[str, Any], private: dict[str, str], ids: dict[str, int], boundary: str) -> Any | None:
    """The tokenizer with control tokens under private names; None where that would change other tokens.

    A control token can also stand in the model's own vocabulary, where it is renamed too: it keeps its id, and a
    tokenizer that looks whole words up cannot find it in a text.
    """
    from tokenizers import AddedToken, Tokenizer

    model = dict(tree["model"])
    vocab = model.get("vocab")
    if isinstance(vocab, dict):
        model["vocab"] = {private.get(token, token): number for token, number in vocab.items()}
    elif isinstance(vocab, list):  # unigram: [token, score] pairs
        model["vocab"] = [[private.get(token, token), score] for token, score in vocab]
    if isinstance(model.get("unk_token"), str):
        model["unk_token"] = private.get(model["unk_token"], model["unk_token"])
    added = [
        {**token, "content": private[token["content"]], "normalized": False} if token["content"] in private else token
        for token in tree["added_tokens"]
    ]
    try:
        raw = Tokenizer.from_str(json.dumps({**tree, "model": model, "added_tokens": added}, ensure_ascii=False))
    except Exception:  # the library raises bare Exception, for example when a merge makes a control token
        return None
    raw.add_special_tokens([AddedToken(boundary, normalized=False, special=True)])
    kept = [*((private[content], number) for content, number in ids.items())]
    kept += [(token["content"], token["id"]) for token in tree["added_tokens"] if token["content"] not in private]
    return raw if all(raw.token_to_id(content) == number for content, number in kept) else None


def _split(ids: list[int], boundary: int) -> list[list[int]]:
    if boundary not in ids:
        return [ids]
    parts: list[list[int]] = [[]]
    for number in ids:
        if number == boundary:
            parts.append([])
        else:
            parts[-1].append(number)
    return parts
