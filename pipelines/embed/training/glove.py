"""GloVe on counted pairs."""

import numpy as np

from ....data.threads import ordered_map
from .stream import StreamTraining
from .windows import combined, first_weights, variables

CHUNK = 100_000  # cells of one job


class GloVeTraining(StreamTraining):
    """GloVe (Pennington et al. 2014) with AdaGrad over files of cells.

    Args:
        config: An `EmbedConfig`, filled in.
        tokens: The `TokenFile`.
        counts: `[V]`, how often each word occurs.
        cells: The `CellFiles`.
    """

    def __init__(self, config, tokens, counts, cells):
        chunks = sum(-(-size // CHUNK) for size in cells.sizes())
        super().__init__(config, tokens, chunks)
        rng = np.random.default_rng(config.seed)
        shape = (len(counts), config.dim + 1)  # last the bias
        self._parameters = {
            "words": first_weights(rng, shape),
            "contexts": first_weights(rng, shape),
            "word_squares": np.ones(shape, np.float32),
            "context_squares": np.ones(shape, np.float32),
        }
        self._cells = cells
        self._learn(cells.none())  # has the loop compiled before the clock runs

    def vectors(self):
        """Returns the words' vectors, float32 `[V, d]`."""
        words = self._parameters["words"][:, :-1]
        contexts = self._parameters["contexts"][:, :-1]
        return combined(words, contexts, self.config.vectors)

    def _weights(self):
        return variables(**self._parameters)

    def _rate(self, done):
        return self.config.learning_rate  # AdaGrad's own sums shorten the steps

    def _run_jobs(self, epoch):
        yield from ordered_map(self._learn, self._chunks(epoch), self.config.workers)

    def _learn(self, cells):
        from ..kernels.glove import train_glove

        config = self.config
        loss = train_glove(
            *(cells[name].copy() for name in ("row", "column", "count")),
            *self._parameters.values(),
            np.float32(config.x_max),
            np.float32(config.alpha),
            np.float32(config.learning_rate),
        )
        return loss, len(cells)

    def _chunks(self, epoch):
        """Yields all cells in the epoch's order."""
        rng = np.random.default_rng([self.config.seed, epoch])
        for number in rng.permutation(self._cells.files):
            cells = self._cells.read(number)
            rng.shuffle(cells)
            for begin in range(0, len(cells), CHUNK):
                yield cells[begin : begin + CHUNK]
