"""Gives a run its language model and chooses how much that counts."""

import tensorflow as tf

from ...data.text.ngram import NGramModel
from ...errors import UserError
from .language_model import (
    ALPHAS,
    BETAS,
    choose_weights,
    fitting_unit,
    heard_texts,
    make_layer,
    stored_file,
    train_ngrams,
)
from .module import make_decoder
from .scores import word_error_rate
from .setup import read_texts
from .spelling import Spelling


def attach_language_model(
    task,
    text=(),
    arpa=None,
    unit=None,
    order=None,
    min_count=1,
    alpha=None,
    beta=None,
    beam_width=None,
    remove=False,
):
    """Learns or reads a language model and puts it into a run, or removes it.

    Args:
        task: A `SpeechRecognition`.
        text: Text files to learn from; the training transcripts if none.
        arpa: An ARPA file instead.
        unit: `"words"` or `"tokens"`; as `fitting_unit` if not given.
        order: Length of the longest n-grams.
        min_count: Words that occur less often count as unknown.
        alpha: Its weight; chosen on the validation recordings if not given.
        beta: Added for each word or token; likewise.
        beam_width: Texts that the search follows; the run's own if not given.
        remove: Take the language model away.

    Yields:
        Lines that say what is done.

    Raises:
        UserError: if the texts or the file cannot be used.
    """
    path, unit = stored_file(task.run), unit or fitting_unit(task.tokens)
    if remove:
        task.take_language_model("")
        path.unlink(missing_ok=True)
        yield f"{task.run.path} has no language model now"
        return
    if arpa is not None:
        ngrams = NGramModel.load(arpa)
    else:
        texts = read_texts(text) if text else _training_texts(task)
        texts = map(task.normalize, texts)
        ngrams = train_ngrams(
            texts, task.tokens, unit, order=order, min_count=min_count
        )
    yield f"{len(ngrams.vocabulary):,} {unit}, n-grams of up to {ngrams.order}"
    alphas = ALPHAS if alpha is None else (alpha,)
    betas = BETAS if beta is None else (beta,)
    alpha, beta = alphas[0], betas[0]
    width = max(beam_width or task.config.beam_width, 2)
    layer = make_layer(ngrams, task.tokens, unit, alpha=alpha, beta=beta)
    if len(alphas) * len(betas) > 1:
        alpha, beta, rate, plain = _choose(task, layer, width, alphas, betas)
        yield (
            f"alpha {alpha:g}, beta {beta:g}: WER {rate:.2%} on validation, "
            f"{plain:.2%} without"
        )
        if rate >= plain:
            yield "that is no better: --remove takes the language model away"
    ngrams.save(path)
    task.take_language_model(unit, alpha=alpha, beta=beta, beam_width=width)
    yield f"{path}: evaluate, predict and export use it from now on"


def _training_texts(task):
    """Returns the transcripts of training; of an ordinary epoch where they are made."""
    return task.load_table("train").at_epoch(task.config.epochs - 1).texts


def _choose(task, layer, width, alphas, betas):
    """Returns the best weights on the run's validation recordings.

    With them come their word error rate and that without a language model.
    """
    try:
        table = task.load_table("val")
    except UserError as error:
        raise UserError(error.what, error.where, "Give --alpha and --beta") from error
    batches, said = [], []
    loader = task.make_loader(table, cache="none")
    for samples, lengths, labels, label_lengths in loader.ordered():
        outputs = task.model({"samples": samples, "lengths": lengths})
        batches.append((outputs["logits"], outputs["lengths"]))
        for row, length in zip(labels.numpy(), label_lengths.numpy(), strict=True):
            said.append(task.tokens.decode(row[:length]))
    search = make_decoder(task.tokens, task.config, layer, beam_width=width)
    spelling = Spelling(task.tokens, task.config.step_seconds)
    plain = make_decoder(task.tokens, task.config, beam_width=width)

    @tf.function(reduce_retracing=True, autograph=False)
    def decode(logits, lengths):
        return spelling.texts(plain(logits, lengths)["labels"][:, 0])

    heard = heard_texts(batches, decode)
    chosen = choose_weights(
        batches, said, search, spelling.texts, word_error_rate, alphas, betas
    )
    return *chosen, word_error_rate(said, heard)
