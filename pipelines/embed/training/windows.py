"""Trainings that learn from words and their neighbours, stretch by stretch."""

import numpy as np
import threadpoolctl

from ....data.threads import ordered_map
from .arrays import ArrayVariable
from .stream import StreamTraining

JOB = 20_000  # tokens


class WindowTraining(StreamTraining):
    """A training whose jobs are stretches of thinned-out words.

    A subclass has `_learn(words, documents, rates, state)`, which returns the sum of
    the losses and what they are counted by.

    Args:
        config: An `EmbedConfig`, filled in.
        tokens: The `TokenFile`.
        counts: `[V]`, how often each word occurs.
    """

    def __init__(self, config, tokens, counts):
        super().__init__(config, tokens, -(-len(tokens) // JOB))
        self._keep = keep_probabilities(counts, config.sample)
        self._workers = config.workers
        self._compile()

    def _compile(self):
        """Has the loops compiled before the clock runs."""
        self._job(np.zeros(0, np.int32), (0, 0, 0), np.zeros(2, np.float32))

    def _run_jobs(self, epoch):
        total = len(self.tokens) * self.config.epochs

        def run(job):
            begin = job * JOB
            tokens = self.tokens[begin : begin + JOB]
            seen = epoch * len(self.tokens) + begin
            ends = (seen / total, (seen + len(tokens)) / total)
            rates = np.array([self._rate(end) for end in ends], np.float32)
            return self._job(tokens, (self.config.seed, epoch, job), rates)

        # The matrix products are small: threads inside them would only wait.
        with threadpoolctl.threadpool_limits(1, "blas"):
            jobs = range(self.steps_per_epoch)
            yield from ordered_map(run, jobs, self._workers)

    def _job(self, tokens, seeds, rates):
        from ..kernels.draws import random_state
        from ..kernels.subsample import subsample

        state = random_state(*seeds)
        words, documents = np.empty_like(tokens), np.empty_like(tokens)
        count = subsample(tokens, self._keep, state, words, documents)
        return self._learn(words[:count], documents[:count], rates, state)


def keep_probabilities(counts, sample):
    """Returns how likely each word is kept when frequent ones are thinned out.

    (sqrt(f / sample) + 1) * sample / f for a word of frequency f, as word2vec's
    program has it; the paper (Mikolov et al. 2013) lacks the second term.

    Args:
        counts: `[V]`.
        sample: Frequency above which words are thinned out; 0 keeps all.

    Returns:
        float32 `[V]`; what is 1 or more is always kept.
    """
    if not sample:
        return np.ones(len(counts), np.float32)
    share = np.asarray(counts, np.float64) / np.sum(counts)
    return ((np.sqrt(share / sample) + 1) * sample / share).astype(np.float32)


def first_weights(rng, shape):
    """Returns small even draws, -0.5 to 0.5 over the length, as word2vec begins."""
    weights = rng.random(shape, np.float32)
    weights -= np.float32(0.5)
    weights /= np.float32(shape[1])
    return weights


def combined(inputs, outputs, how):
    """Returns one vector a word: the input, or both summed or averaged."""
    if how == "input":
        return inputs
    both = inputs + outputs
    return both / 2 if how == "mean" else both


def variables(**arrays):
    """Returns arrays as variables of a checkpoint."""
    return [ArrayVariable(array, name) for name, array in arrays.items()]
