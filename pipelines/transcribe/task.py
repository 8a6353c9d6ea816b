"""Speech recognition as a task: train, evaluate, predict, export, doctor."""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from ...data.audio import EMBEDDED, AudioLoader, examine_audio
from ...errors import UserError
from ..base import Task
from ..config import make_config
from ..examples import keep_held_out_examples, read_examples
from ..training.checkpoint import load_state
from ..training.fingerprint import fingerprint
from .attach import attach_language_model
from .config import TranscribeConfig, filled_in
from .evaluation import metric_lines
from .language_model import load_language_model
from .measure import measure
from .model import adapt_normalization, build_model
from .module import SpeechRecognizer
from .options import PredictOptions
from .predict import partial_transcripts, whole_transcripts
from .report import write_report
from .results import result_lines
from .setup import (
    encode_hot_words,
    load_tables,
    make_augmentation,
    make_tokens,
    normalizer,
    read_noises,
    split_rows,
    table_lines,
    usable_rows,
)
from .tokens import load_tokens
from .training import SpeechTraining

_EXAMPLES = 8  # recordings of the warm-up
_ADAPTED = 50  # batches that the features' scale is taken from


class SpeechRecognition(Task):
    """Speech recognition on a user's own recordings.

    Attributes:
        model: The acoustic model, see `build_model`.
        tokens: What it writes with: `CharacterTokens` or `PieceTokens`.
    """

    name = "transcribe"
    config_class = TranscribeConfig
    embedded = EMBEDDED
    streams = True

    def __init__(self, run, config, model, tokens):
        super().__init__(run, config)
        self.model = model
        self.tokens = tokens
        self._table = self._stored = self._noises = None

    @classmethod
    def _prepare(cls, run, config, data, data_dir, resume, progress):
        table, stored = load_tables(data, data_dir, config, run if resume else None)
        for line in table.summary():
            progress.say(line)
        if "train" not in table.splits:
            raise UserError("has no recordings for training", data)
        config = filled_in(config, table.rates)
        if resume:
            tokens = load_tokens(run.path, config.tokens)
        else:
            texts = map(normalizer(config), table.select("train").texts)
            tokens = make_tokens(config, list(texts))
        # Settings that are wrong are refused before there is a run.
        encode_hot_words(config, tokens)
        noises = read_noises(config.noises, config.sampling_rate)
        task = cls(run, config, build_model(config, tokens.size), tokens)
        task._table, task._stored, task._noises = table, stored, noises
        progress.say(
            f"model: {config.model}, {task.model.count_params():,} parameters, "
            f"{config.sampling_rate:,} Hz, {config.features}, "
            f"{1 / config.step_seconds:g} steps a second, {tokens.size - 1} "
            f"{config.tokens}"
        )
        if not resume:
            run.write_rows(run.splits, split_rows(stored))
            tokens.save(run.path)
        return task

    def _fit(self, resume, progress):
        config, table = self.config, self._table
        loader = self._announced_loader(
            self._usable(table.select("train"), progress),
            progress,
            augmentation=make_augmentation(config),
            noises=self._noises,
        )
        val = None
        if "val" in table.splits:
            val = self._announced_loader(table.select("val"), progress).ordered()
        else:
            progress.say("no validation recordings: the last epoch is kept")
        if not (resume and self.run.last.exists()):
            share = max(loader.steps_per_epoch // _ADAPTED, 1)
            batches = loader.epoch(config.epochs - 1).shard(share, 0)
            adapt_normalization(self.model, config, batches)
        training = SpeechTraining(
            self.model,
            self.tokens,
            config,
            train_epoch=loader.epoch,
            val=val,
            steps_per_epoch=loader.steps_per_epoch,
        )
        self._train_model(training, resume, progress)
        self._conclude(table, progress)

    def _usable(self, table, progress):
        """Returns the recordings that can be learnt from."""
        if table.renew is not None:  # made ones fit, and are others in each epoch
            return table
        rows, left_out = usable_rows(table, self.config, self.encode)
        progress.left_out(left_out, "recordings")
        if not len(rows):
            raise UserError(
                "no recording can be learnt from",
                table.source,
                f"The first: {', '.join(left_out[0])}",
            )
        return table.take(rows)

    def _announced_loader(self, table, progress, **options):
        loader = self.make_loader(table, **options)
        too_long = [(name, f"{seconds:g} s") for name, seconds in loader.too_long]
        progress.left_out([*loader.unreadable, *too_long], "recordings")
        return loader

    def make_loader(self, table, **options):
        """Returns the batches of recordings that the model takes.

        Args:
            table: An `AudioTable`.
            **options: Options of `AudioLoader` beside or instead of the run's.
        """
        config = self.config
        settings = {
            "sampling_rate": config.sampling_rate,
            "encode": self.encode,
            "seconds_per_batch": max(config.seconds_per_batch, config.max_seconds),
            "batch_size": config.batch_size,
            "seed": config.seed,
            "cache": config.cache,
        }
        return AudioLoader(table, **{**settings, **options})

    def encode(self, text):
        """Returns the labels of a text."""
        return self.tokens.encode(self.normalize(text))

    @functools.cached_property
    def normalize(self):
        """Function that brings a text to the form that is learnt and scored."""
        return normalizer(self.config)

    @functools.cached_property
    def fingerprint(self):
        seen = np.flatnonzero(self._stored.splits != "test")
        return fingerprint(table_lines(self._stored.take(seen)))

    @classmethod
    def _restore(cls, run, config):
        keras.config.set_dtype_policy(config.precision)
        tokens = load_tokens(run.path, config.tokens)
        model = build_model(config, tokens.size)
        load_state(run.best, {"model": model.variables})
        return cls(run, config, model, tokens)

    def _conclude(self, table, progress):
        """Measures a trained model, keeps examples and writes the report."""
        for split in ("val", "test"):
            if split in table.splits:
                metrics = self._measure(table.select(split), split)
                progress.say(
                    f"{split}: WER {_percent(metrics['wer'])}, CER "
                    f"{_percent(metrics['cer'])} ({metrics['examples']:,} recordings)"
                )
        self._keep_examples(table)
        write_report(self.run, self.config)
        progress.say(f"run: {self.run.path}")
        progress.say(f"report: {self.run.report / 'index.html'}")

    def _evaluate(self, data, split, data_dir, pattern=None):
        table = self.load_table(split, data, data_dir, pattern)
        metrics = self._measure(table, split)
        write_report(self.run, self.config)
        return metrics

    def _measure(self, table, split):
        metrics = measure(self, table, split)
        self.run.write_metrics(split, metrics)
        return metrics

    def predict(self, inputs, **options):
        """Transcribes recordings.

        Args:
            inputs: Files in any format that libsndfile reads, folders, glob patterns,
                or encoded recordings as `bytes`; one or a list of them. `-` is the
                standard input.
            **options: The fields of `PredictOptions`: `stream` and `chunk`.

        Returns:
            A list of `Transcript`, in the order of the inputs; with `stream`, of
            `PartialTranscript`. A recording that cannot be read has `valid` false and
            does not stop the others.

        Raises:
            UserError: if a file is missing, a folder or pattern has no recording, or
                the model cannot stream.
        """
        return list(self.stream(inputs, **options))

    def stream(self, inputs, *, save_dir=None, **options):
        """Yields what `predict` returns, one by one, and saves it at the end.

        Args:
            inputs: As for `predict`.
            save_dir: The folder to write `predictions.json` to; nothing is saved if
                not given.
            **options: The fields of `PredictOptions`.

        Yields:
            `Transcript`s or `PartialTranscript`s.

        Raises:
            UserError: as `predict`, or if the folder cannot be written.
        """
        options = make_config(PredictOptions, options)
        results = []
        try:
            for result in self._transcripts(inputs, options):
                if getattr(result, "is_final", True):
                    results.append(result)
                yield result
        finally:
            if save_dir is not None and results:
                self.save_results(results, save_dir)

    def _transcripts(self, inputs, options):
        config = self.config
        if not options.stream:
            return whole_transcripts(self._answer, inputs, config.max_seconds)
        if "stream" not in self.serving_module().endpoints:
            raise UserError(
                f"is a {config.model} model, which hears whole recordings only",
                self.run.path,
                "Train one with --model streaming",
            )
        return partial_transcripts(
            self._answer, inputs, options.chunk, config.sampling_rate
        )

    @classmethod
    def doctor(cls, data, *, data_dir=None, **settings):
        """Looks for faults in recordings with texts before they are trained on.

        Args:
            data: A data spec.
            data_dir: Where TensorFlow Datasets keeps its data.
            **settings: Settings of the training that matter to the data: `pattern`,
                `hold_out`, `sampling_rate`, `subsampling`, ...

        Returns:
            A report; `report.fatal` is true if training would fail,
            `report.lines()` is the text.
        """
        config = make_config(cls.config_class, settings)
        table, _ = load_tables(data, data_dir, config)
        config = filled_in(config, table.rates)
        normalize = normalizer(config)
        table = dataclasses.replace(table, texts=list(map(normalize, table.texts)))
        alphabet = None
        if "train" in table.splits:
            alphabet = set(table.select("train").characters())
        return examine_audio(
            table,
            sampling_rate=config.sampling_rate,
            frames_per_second=1 / config.step_seconds,
            alphabet=alphabet,
            max_seconds=config.max_seconds,
        )

    def language_model_lines(self, **options):
        """Gives the run a language model, or takes it away.

        Args:
            **options: The fields of `LanguageModelArguments` but for `run`.

        Yields:
            Lines that say what is done.

        Raises:
            UserError: if the texts or the file cannot be used.
        """
        yield from attach_language_model(self, **options)

    def decoding_lines(self, **settings):
        """Changes how the run decodes; its predictions and exports follow.

        Args:
            **settings: The fields of `DecodingArguments` but for `run`. Those that
                are `None` stay as they are.

        Returns:
            Lines that name the settings as they are then.

        Raises:
            UserError: if one is out of its range, or a hot word cannot be written.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        if given:
            config = dataclasses.replace(self.config, **given)
            encode_hot_words(config, self.tokens)
            self.config = config
            self.run.add_facts(config)
            self._module = None
        return [f"{name:15} {getattr(self.config, name)}" for name in settings]

    def take_language_model(self, unit, **settings):
        """Uses the language model that lies in the run folder from now on.

        Args:
            unit: What its n-grams are of, `"words"` or `"tokens"`; empty for none.
            **settings: Settings to change with it: `alpha`, `beta`, `beam_width`.
        """
        self.config = dataclasses.replace(self.config, **settings)
        self.run.add_facts(self.config, language_model=unit)
        self._module = None

    def load_table(self, split, data=None, data_dir=None, pattern=None):
        """Returns the recordings of a split; of the run's own data as it joins them.

        Args:
            split: `"train"`, `"val"`, `"test"` or `"all"`.
            data: A data spec; the one the run was trained on if not given.
            data_dir: Where TensorFlow Datasets keeps its data.
            pattern: How recordings are named; as the run's if `None`.

        Raises:
            UserError: if the data cannot be used or has no such split.
        """
        facts, config = self.run.facts(self.name), self.config
        if data is None:
            data, data_dir = facts["data"], facts.get("data_dir")
        if pattern is not None:
            config = dataclasses.replace(config, pattern=pattern)
        if self._lasting(data) != facts["data"]:
            config = dataclasses.replace(config, join=(), hold_out=())
        table, _ = load_tables(data, data_dir, config, self.run)
        return table if split == "all" else table.select(split)

    @property
    def language_model_unit(self):
        """What the n-grams of the run's language model are of; empty without one."""
        return self.run.facts(self.name).get("language_model", "")

    @property
    def language_model(self):
        """The layer of the run's language model, or `None`; read when asked for."""
        unit = self.language_model_unit
        if not unit:
            return None
        return load_language_model(self.run, unit, self.tokens, self.config)

    def _make_serving_module(self):
        return SpeechRecognizer(
            self.model, self.tokens, self.config, self.language_model
        )

    def _examples(self):
        contents = read_examples(self.run)
        if contents is None:
            self._keep_examples(self.load_table("all"))
            contents = read_examples(self.run)
        if not contents:  # the user wants none to be exported
            return {}
        names, contents = zip(*list(contents.items())[:_EXAMPLES], strict=True)
        contents = np.array(contents, object)
        module = self.serving_module()
        samples, lengths, valid, errors = module.decode(tf.constant(contents))
        for name, good, error in zip(names, valid, errors.numpy(), strict=True):
            if not good:
                raise UserError(error.decode(), self.run.examples / name, "Remove it")
        samples, lengths = samples.numpy(), lengths.numpy()
        rates = np.full(len(lengths), self.config.sampling_rate, np.int32)
        examples = {
            "serving_default": {"wav_bytes": contents},
            "samples": {"samples": samples, "lengths": lengths, "rate": rates},
            "n_best": {"wav_bytes": contents},
            "stream": {
                "samples": samples[:, : self.config.sampling_rate],
                "lengths": np.full(len(lengths), -1, np.int32),
                "state_bytes": np.full(len(lengths), b"", object),
            },
        }
        return {name: examples[name] for name in module.endpoints}

    def _keep_examples(self, table):
        keep_held_out_examples(self.run, table, self.serving_module().decode)

    def _about_data(self):
        return f"{super()._about_data()}; {self.tokens.size - 1} {self.config.tokens}"

    @staticmethod
    def metric_lines(metrics):
        """Returns the figures of `evaluate` as lines for a person."""
        return metric_lines(metrics)

    @staticmethod
    def result_lines(results):
        """Returns the results of `predict` as lines for a person."""
        return result_lines(results)


def _percent(rate):
    return "-" if rate is None else f"{rate:.2%}"
