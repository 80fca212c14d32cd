"""Train: prepared rows move a base model's weights; everything on the way is logged and can be continued."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetrie.config import Run
from finetrie.data.strata import nested_order
from finetrie.evaluation.measuring import headline, measure
from finetrie.files import file_hash, write_text
from finetrie.inference import LocalEngine
from finetrie.inference.answers import answer
from finetrie.models.describe import describe
from finetrie.models.loading import Loaded, load_model
from finetrie.prompts import Renderer
from finetrie.records import Example, Prompt
from finetrie.steps.preparing import load_part, load_renderer, prepare
from finetrie.steps.progress import Bar, Progress, Quiet
from finetrie.steps.workspace import Workspace
from finetrie.tracking import EventLog, SwanLabSink, Tracker
from finetrie.training.fit import EvalReport, Finished, Notice, Saved, Started, fit
from finetrie.training.loop import StepReport
from finetrie.training.objective import Objective, PaddedBatches, TriePacks
from finetrie.training.settings import Settings
from finetrie.trie import default_budget, parity_probe
from finetrie.tuning.base import METHODS, Method


def train(
    source: Run | Path | str,
    *,
    out: Path | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    tracker: Tracker | None = None,
) -> Workspace:
    """Prepare where that is not done yet, then train; return the run, whose weights are on disk.

    `tracker` is one that is open already, and stays so; without it the run's own sinks are opened for this step.

    Raises:
        FinetrieError: see `prepare`; a model that cannot be loaded; a loss that is not a number.
    """
    progress = progress or Quiet()
    workspace = prepare(source, out=out, overrides=overrides, progress=progress)
    with workspace.files.lock(notice=progress.notice):
        if not workspace.done("train"):
            with nullcontext(tracker) if tracker else tracker_of(workspace, progress) as open_tracker:
                _train(workspace, progress, open_tracker)
    return workspace


def tuning_method(run: Run) -> Method:
    settings = run.tuning.model_dump()
    return METHODS.get(settings.pop("method"))(**settings)


def tracker_of(workspace: Workspace, progress: Progress) -> Tracker:
    """The sinks that the run asks for, started."""
    tracking = workspace.run.tracking
    sinks = []
    if tracking.swanlab != "off":
        name = tracking.name or workspace.path.name
        sinks.append(
            SwanLabSink(
                workspace.files.swanlab,
                mode=tracking.swanlab,
                project=tracking.project,
                name=name,
                notice=progress.notice,
            )
        )
    tracker = Tracker(sinks, progress.notice)
    tracker.start(workspace.run.model_dump(mode="json"))
    return tracker


def _train(workspace: Workspace, progress: Progress, tracker: Tracker) -> None:
    run, files = workspace.run, workspace.files
    loaded = load_model(
        run.model.base, revision=run.model.revision, dtype=run.model.dtype, attention=run.model.attention
    )
    renderer = load_renderer(workspace, loaded.tokenizer)
    rendered = renderer.render_many(load_part(workspace, "train"))
    prompts = [prompt for prompt in rendered if isinstance(prompt, Prompt)]
    method = tuning_method(run)
    model = method.prepare(loaded.model, seed=run.training.seed)
    objective = _objective(run, loaded, model, prompts, progress.notice)
    dev = _Dev.of(workspace, model, renderer)
    with EventLog(files.events, notice=progress.notice) as log:
        log.append("run_started", model={**loaded.source, **describe(model)}, objective=_words(objective))
        recorder = _Recorder(run, log, tracker, progress, dev)
        events = fit(
            model,
            prompts,
            settings=_settings(run),
            objective=objective,
            checkpoints=files.checkpoints,
            evaluate=dev.evaluate if dev else None,
            identity={"prompt": renderer.hash, "dev": file_hash(files.dev)},
        )
        finished = recorder.follow(events)
        folder = method.save(model, files.path / method.folder)
        write_text(folder / "prompt.json", files.prompt.read_text(encoding="utf-8"))
        facts = recorder.facts(finished)
        log.append("train_finished", **facts)
    workspace.finish("train", **facts, model={**loaded.source, **describe(model)}, weights=method.folder)


def _settings(run: Run) -> Settings:
    kept = Settings.__slots__
    return Settings(**{name: value for name, value in run.training.model_dump().items() if name in kept})


def _objective(
    run: Run, loaded: Loaded, model: Any, prompts: Sequence[Prompt], notice: Callable[[str], None]
) -> Objective:
    """Trie packs where a probe on the user's own rows shows that they are exact, padded batches otherwise."""
    plain = PaddedBatches(rows=run.training.micro_batch)
    if run.training.trie == "off":
        return plain
    parity = parity_probe(model, [prompt.ids for prompt in prompts], [prompt.supervised for prompt in prompts])
    if not parity.exact:
        notice(f"{parity.message}; training goes on with padded batches, which is slower")
        return plain
    budget = run.training.pack_tokens or default_budget(loaded.device.type)
    return TriePacks(budget_tokens=budget, attention=parity.attention)


def _words(objective: Objective) -> str:
    if isinstance(objective, TriePacks):
        return f"trie packs of up to {objective.budget_tokens} tokens"
    return f"padded batches of {objective.rows} rows" if isinstance(objective, PaddedBatches) else repr(objective)


@dataclass
class _Dev:
    """Scores the model on dev rows while it is being trained."""

    engine: LocalEngine
    renderer: Renderer
    examples: Sequence[Example]
    run: Run
    metrics: dict[str, Any] = field(default_factory=dict)  # of the last evaluation

    @classmethod
    def of(cls, workspace: Workspace, model: Any, renderer: Renderer) -> _Dev | None:
        """None where there are no dev rows."""
        examples = dev_rows(workspace)
        return cls(LocalEngine(model, renderer), renderer, examples, workspace.run) if examples else None

    def evaluate(self) -> float:
        """The score that chooses the checkpoint: macro-F1, entity F1, or character F1."""
        predictions = answer(
            self.engine,
            self.renderer,
            self.examples,
            decoding="argmax",
            decodings=("argmax",),
            max_new_tokens=answer_limit(self.run, self.renderer),
        )
        task = self.renderer.task
        self.metrics = measure(task, self.examples, list(predictions), resamples=100)
        return headline(self.metrics)[1]


def dev_rows(workspace: Workspace) -> list[Example]:
    """The dev rows that are answered: at most `training.dev_rows` of them, of every label, in their order."""
    examples, run = load_part(workspace, "dev"), workspace.run
    if len(examples) <= run.training.dev_rows:
        return examples
    order = nested_order(examples, kind=run.task.kind, seed=f"{run.training.seed}:dev")
    return [examples[i] for i in sorted(order[: run.training.dev_rows])]


def answer_limit(run: Run, renderer: Renderer) -> int:
    """Most tokens of a generated answer: half as many again as the longest training answer had."""
    return run.evaluation.max_new_tokens or renderer.reserve * 3 // 2


class _Recorder:
    """Writes what happens in training to the event log, the tracker and the screen."""

    def __init__(self, run: Run, log: EventLog, tracker: Tracker, progress: Progress, dev: _Dev | None) -> None:
        self._run, self._log, self._tracker, self._progress, self._dev = run, log, tracker, progress, dev
        self._started: Started | None = None
        self._rows, self._seconds = 0, 0.0
        self._given, self._computed = 0, 0

    def follow(self, events: Any) -> Finished:
        """Consume the events of `fit`; returns the last."""
        started = next(events)
        assert isinstance(started, Started)
        self._started = started
        if self._dev is None:
            self._progress.notice("no dev rows: the weights of the last step are kept, not the best")
        with self._progress.bar("training", started.total_steps, done=started.first_step - 1) as bar:
            for event in events:
                if isinstance(event, Finished):
                    return event
                self._record(event, bar)
        raise AssertionError("fit ended without its last event")

    def _record(self, event: Any, bar: Bar) -> None:
        if isinstance(event, StepReport):
            self._step(event, bar)
        elif isinstance(event, EvalReport):
            self._evaluation(event, bar)
        elif isinstance(event, Saved):
            self._log.append("saved", step=event.step)
        elif isinstance(event, Notice):
            self._progress.notice(event.message)
            self._log.append("notice", message=event.message)

    def _step(self, step: StepReport, bar: Bar) -> None:
        assert self._started is not None
        self._rows, self._seconds = self._rows + step.rows, self._seconds + step.seconds
        self._given, self._computed = self._given + step.given_tokens, self._computed + step.computed_tokens
        self._log.append(
            "step",
            step=step.step,
            total_steps=self._started.total_steps,
            epoch=step.step / self._started.steps_per_epoch,
            loss=step.loss,
            learning_rate=step.learning_rate,
            grad_norm=step.grad_norm,
            rows=step.rows,
            target_tokens=step.target_tokens,
            tokens_computed=step.computed_tokens,
            tokens_given=step.given_tokens,
            seconds=step.seconds,
        )
        bar.advance(note=f"loss {step.loss:.3f}  {self._rows / self._seconds:.1f} rows/s")
        if step.step % self._run.training.log_every == 0 or step.step == self._started.total_steps:
            self._tracker.log({"train/loss": step.loss, "train/learning_rate": step.learning_rate}, step.step)

    def _evaluation(self, report: EvalReport, bar: Bar) -> None:
        assert self._dev is not None
        name, _ = headline(self._dev.metrics)
        also = {key: self._dev.metrics[key] for key in ("accuracy",) if self._dev.metrics.get(key) is not None}
        self._log.append(
            "evaluation",
            step=report.step,
            split="dev",
            metric=name,
            score=report.score,
            best=report.improved,
            seconds=report.seconds,
            rows=len(self._dev.examples),
            **also,
        )
        self._tracker.log({f"dev/{name}": report.score} | {f"dev/{k}": v for k, v in also.items()}, report.step)
        bar.advance(0, note=f"dev {name.replace('_', ' ')} {report.score:.3f}")

    def facts(self, finished: Finished) -> dict[str, Any]:
        """What the manifest and the log say of the whole training."""
        assert self._started is not None
        return {
            "steps": self._started.total_steps,
            "best_step": finished.step,
            "best_score": finished.score,
            "reason": finished.reason,
            "rows": self._rows,
            "seconds": round(self._seconds, 3),
            "rows_per_second": self._rows / self._seconds if self._seconds else None,
            "tokens_given": self._given,
            "tokens_computed": self._computed,
            "trainable": self._started.trainable,
            "precision": self._started.precision,
        }
