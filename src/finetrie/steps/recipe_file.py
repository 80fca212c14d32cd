"""What `write` is asked to do, as tables of a TOML file: which texts, what to ask, whom, and where the rows go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from finetrie.config import Section, override, parse, read_toml
from finetrie.data.synthesis import Client, Entities, Label, Paraphrase, Question, Recipe, Template, read_template
from finetrie.data.synthesis.prompts import DEFAULTS, Language
from finetrie.errors import ConfigError, suggest


class Source(Section):
    """Which texts, and how to read them."""

    data: str = Field(description="File with the texts. Relative paths start at the recipe file's folder.")
    format: str = Field(default="auto", description="Name from `finetrie info formats`, or auto.")
    encoding: str = Field(default="auto", description="utf-8, gb18030, utf-16, ... or auto.")
    kind: Literal["classification", "ner", "instruction"] | None = Field(
        default=None, description="What the rows are; default: as they look."
    )
    text: str | None = Field(default=None, description="Column with the text; default: found by its name.")
    target: str | None = Field(default=None, description="Column with the label or entities, for paraphrases.")
    options: str | None = Field(default=None, description="Column with the row's own candidate labels, if any.")
    on_bad_row: Literal["stop", "reject"] = Field(default="stop", description="What a row that cannot be used does.")


Prompt = Annotated[str | None, Field(description="Text file with your own prompt; `finetrie write --show-prompt`.")]
PromptLanguage = Annotated[Literal["auto", "zh", "en"], Field(description="Of the built-in prompt; auto: the texts'.")]
Draws = Annotated[int, Field(ge=1, lt=1000, description="Answers to ask for until one can be used.")]
Variants = Annotated[int, Field(ge=1, description="New rows from each text, all different.")]


class QuestionSettings(Section):
    """Ask for a question to each text; the text becomes its answer."""

    kind: Literal["question"] = "question"
    prompt: Prompt = None
    language: PromptLanguage = "auto"
    draws: Draws = 3
    variants: Variants = 1
    longest: int = Field(default=300, ge=1, description="Characters of a question, at most.")


class LabelSettings(Section):
    """Ask for the label of each text."""

    kind: Literal["label"] = "label"
    labels: list[str] = Field(default=[], description="What to choose from, for rows without candidates of their own.")
    about: dict[str, str] = Field(default={}, description="label -> what belongs under it, for the model.")
    reasoning: bool = Field(default=False, description="Keep what the model thought before its answer.")
    prompt: Prompt = None
    language: PromptLanguage = "auto"
    draws: Draws = 3


class EntitiesSettings(Section):
    """Ask for the entities in each text."""

    kind: Literal["entities"] = "entities"
    labels: list[str] = Field(min_length=1, description="Types of entities.")
    about: dict[str, str] = Field(default={}, description="type -> what belongs under it, for the model.")
    reasoning: bool = Field(default=False, description="Keep what the model thought before its answer.")
    prompt: Prompt = None
    language: PromptLanguage = "auto"
    draws: Draws = 3


class ParaphraseSettings(Section):
    """Ask for each text in other words; label and entities stay."""

    kind: Literal["paraphrase"] = "paraphrase"
    prompt: Prompt = None
    language: PromptLanguage = "auto"
    draws: Draws = 3
    variants: Variants = 1
    shortest: float = Field(default=0.4, gt=0, description="Least length, relative to the text's.")
    longest: float = Field(default=2.5, gt=0, description="Greatest length, relative to the text's.")


Asked = QuestionSettings | LabelSettings | EntitiesSettings | ParaphraseSettings
KINDS = ("question", "label", "entities", "paraphrase")


class Endpoint(Section):
    """Whom to ask, and how hard it may be worked."""

    base_url: str = Field(description='An OpenAI-compatible server with its version, such as "https://llm.example/v1".')
    model: str = Field(description="Name of the model, as the server knows it.")
    key_env: str | None = Field(default=None, description="Environment variable that holds the key; default: no key.")
    concurrency: int = Field(default=8, ge=1, description="Requests under way at once.")
    requests_per_minute: float | None = Field(default=None, gt=0, description="Default: no limit.")
    tokens_per_minute: float | None = Field(default=None, gt=0, description="Questions and answers; default: no limit.")
    timeout: float = Field(default=120.0, gt=0, description="Seconds for one whole answer.")
    tries: int = Field(default=6, ge=1, description="Requests for one answer, when the server is busy or fails.")
    parameters: dict[str, Any] = Field(default={}, description="More for the server, such as {temperature = 0.2}.")


class Budget(Section):
    """What it may cost."""

    tokens: int | None = Field(default=None, ge=1, description="Questions and answers together; default: no limit.")


class Output(Section):
    """Where the new rows go."""

    path: str = Field(description="The file to write. Its lists and its cache lie beside it.")
    format: str | None = Field(default=None, description="alpaca, messages, conll, ...; default: by the file's ending.")
    cache: str | None = Field(default=None, description="File of answers paid for; default: NAME.answers.sqlite.")


class RecipeFile(Section):
    """A whole recipe file. `recipe` holds only the settings of the chosen kind."""

    source: Source
    recipe: Annotated[Asked, Field(discriminator="kind")]
    endpoint: Endpoint
    budget: Budget = Budget()
    output: Output


_SAY = (
    "finetrie write DATA OUT --recipe KIND --endpoint URL --model NAME; other settings with --set section.key=value, "
    "or all of them in a recipe file"
)

PATHS = (("source", "data"), ("recipe", "prompt"), ("output", "path"), ("output", "cache"))
"""Settings that name files; in a recipe file they start at its folder."""


def load_recipe(data: Path, settings: Mapping[str, Mapping[str, Any]], overrides: Sequence[str] = ()) -> RecipeFile:
    """The recipe in a TOML file, or one for a file of texts.

    Args:
        settings: table by table, over those of the file; None leaves a setting as it is.
        overrides: `section.key=value`, over all others.

    Raises:
        ConfigError: one message that lists every problem, each with its dotted key.
    """
    is_recipe = data.suffix == ".toml"
    tree = _recipe_tree(data) if is_recipe else {"source": {"data": str(data)}}
    for table, values in settings.items():
        given = {key: value for key, value in values.items() if value is not None}
        known = tree.get(table, {})
        if isinstance(known, dict):
            same = given.get("kind", known.get("kind")) == known.get("kind")
            tree[table] = {**(known if same else {}), **given}  # another kind of recipe has other settings
    for item in overrides:
        override(tree, item)
    return parse(RecipeFile, tree, where=str(data) if is_recipe else "write", fix="" if is_recipe else _SAY)


def _recipe_tree(path: Path) -> dict[str, Any]:
    """The tables of a recipe file, with paths that start at its folder."""
    tree = read_toml(path, fix="name a recipe file; or a file of texts, and where the rows go: finetrie write DATA OUT")
    for table, key in PATHS:
        if isinstance(tree.get(table), dict) and isinstance(tree[table].get(key), str):
            tree[table][key] = str(path.parent / Path(tree[table][key]).expanduser())
    return tree


def recipe_from(asked: Asked, language: str) -> Recipe:
    """The recipe that the settings describe.

    Args:
        language: of the texts, for a prompt whose language is "auto".

    Raises:
        ConfigError: labels that contradict each other, or a prompt that cannot be used.
    """
    spoken: Language = "en" if (language if asked.language == "auto" else asked.language) == "en" else "zh"
    template: Template | None = None if asked.prompt is None else read_template(asked.prompt)
    if isinstance(asked, QuestionSettings):
        return Question(language=spoken, template=template, longest=asked.longest)
    if isinstance(asked, ParaphraseSettings):
        return Paraphrase(language=spoken, template=template, shortest=asked.shortest, longest=asked.longest)
    if len(set(asked.labels)) < len(asked.labels):
        raise ConfigError("recipe.labels: a label stands there twice", fix="list each of them once")
    kind = Label if isinstance(asked, LabelSettings) else Entities
    return kind(labels=asked.labels, about=asked.about, language=spoken, template=template)


def client_from(asked: Endpoint) -> Client:
    """The client for a server; raises ConfigError for an address or parameters that cannot be used."""
    return Client(asked.base_url, asked.model, **asked.model_dump(exclude={"base_url", "model"}))


def prompt_of(kind: str, language: Language) -> str:
    """A built-in prompt as a text file to start from; raises ConfigError for a kind that is none."""
    if kind not in KINDS:
        raise ConfigError(f"recipe.kind: no such kind {kind!r}{suggest(kind, KINDS)} (known: {', '.join(KINDS)})")
    return DEFAULTS[kind, language].text()
