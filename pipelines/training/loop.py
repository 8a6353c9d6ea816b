"""The loop over epochs that every task's training runs in."""

import math
import time

from ...errors import UserError
from .checkpoint import load_state, save_state
from .event_log import EventLog
from .fingerprint import check_fingerprint


def run_training(run, training, config, *, resume, fingerprint, progress):
    """Trains to `config.epochs`, keeping the last and the best state.

    After each epoch `best.npz` (if the epoch was the best), `last.npz`,
    `history.csv` and TensorBoard's log are written, in this order: a run that
    is killed at any point resumes after its last whole epoch, and redoes the
    rest with the same numbers.

    Args:
        run: The `RunFolder`.
        training: The task's training: `variables()`, `kept()`, `averaged()`,
            `train(epoch, on_step)`, `validate()`, `score(figures)`,
            `learning_rate()` and `steps_per_epoch`, as `SupervisedTraining`
            has them. The score of an epoch that was not measured is `None`.
        config: A `TrainingConfig`.
        resume: Continue from `last.npz` if it is there.
        fingerprint: Text that stands for the training data; a resumed run must
            see the same.
        progress: A `Progress`.

    Returns:
        The history: a list with one dict of figures an epoch.

    Raises:
        UserError: if the data changed since the run began, the loss is not a
            number any more, or a file cannot be written.
    """
    state = {"epoch": 0, "history": [], "best": None, "fingerprint": fingerprint}
    if resume and run.last.exists():
        check_fingerprint(run, fingerprint)
        state = load_state(run.last, training.variables())
        _write_history(run, state)  # a kill may have come between the two files
        progress.resumed(state["epoch"], config.epochs)
    with EventLog(run.logs) as log, progress:
        for epoch in range(state["epoch"], config.epochs):
            if _patience_is_over(state, config.patience):
                progress.stopped_early(state["history"], config.patience)
                break
            figures = _train_epoch(training, epoch, config.epochs, progress, run)
            state["history"].append(figures)
            state["epoch"] = epoch + 1
            with training.averaged():
                validated = training.validate()
                figures |= {f"val_{name}": value for name, value in validated.items()}
                score = training.score(figures)
                improved = _is_better(score, state["best"])
                if score is not None:
                    state["measured"] = epoch + 1
                if improved:
                    score = score and list(score)
                    state["best"] = {"score": score, "epoch": epoch + 1}
                    save_state(run.best, training.kept(), state["best"])
            save_state(run.last, training.variables(), state)
            _write_history(run, state)
            log.write(epoch + 1, figures)
            progress.epoch_ended(figures, improved)
    return state["history"]


def _train_epoch(training, epoch, epochs, progress, run):
    begun = time.perf_counter()
    progress.epoch_began(epoch, epochs, training.steps_per_epoch)
    figures = training.train(epoch, progress.step)
    if not math.isfinite(figures["loss"]):
        raise UserError(
            f"the loss is {figures['loss']} in epoch {epoch + 1}",
            run.path,
            "Lower --learning-rate or set --clip-norm",
        )
    return {
        "epoch": epoch + 1,
        "seconds": round(time.perf_counter() - begun, 3),
        "learning_rate": training.learning_rate(),
        **figures,
    }


def _write_history(run, state):
    run.write_rows(run.history, [_rounded(row) for row in state["history"]])


def _rounded(row):
    return {
        name: f"{value:.6g}" if isinstance(value, float) else value
        for name, value in row.items()
    }


def _is_better(score, best):
    """Whether an epoch is the best so far; `None` is the score of an unmeasured one.

    Until the first is measured that is the newest.
    """
    if best is None or best["score"] is None:
        return True
    return score is not None and list(score) > best["score"]


def _patience_is_over(state, patience):
    """Epochs after the last that was measured do not count: they may be better."""
    if not patience or "measured" not in state:
        return False
    return state["measured"] - state["best"]["epoch"] >= patience
