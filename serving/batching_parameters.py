"""`batching_params.pbtxt`: how a model server runs requests together."""

import dataclasses
from pathlib import Path

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

from ..errors import UserError

FILE_NAME = "batching_params.pbtxt"  # in a version folder, where the server looks


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """Settings of one model's batching; `None` leaves the server's default.

    Args:
        max_batch_size: The most rows of one request and, unless large requests
            are split, of one batch.
        batch_timeout_micros: How long the first request of a batch waits for
            others, in microseconds.
        max_enqueued_batches: How many batches may wait; more are refused.
        num_batch_threads: How many batches run side by side.
        allowed_batch_sizes: Rising; a batch is padded to the next of them. The
            last must be `max_batch_size`, even where no batch gets as large
            because large requests are split. Empty: any size.
        enable_large_batch_splitting: Whether a request of more rows than one
            batch takes is split.
        max_execution_batch_size: The most rows of one batch where large
            requests are split, at most `max_batch_size`; else it has no effect.
        pad_variable_length_inputs: Whether requests of unequal shape are padded
            to run together.
        thread_pool_name: The name of the threads' pool.

    Raises:
        UserError: if the values contradict each other.
    """

    max_batch_size: int | None = None
    batch_timeout_micros: int | None = None
    max_enqueued_batches: int | None = None
    num_batch_threads: int | None = None
    allowed_batch_sizes: tuple[int, ...] = ()
    enable_large_batch_splitting: bool | None = None
    max_execution_batch_size: int | None = None
    pad_variable_length_inputs: bool = False
    thread_pool_name: str | None = None

    def __post_init__(self):
        for name in (
            "max_batch_size",
            "num_batch_threads",
            "max_enqueued_batches",
            "max_execution_batch_size",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise _invalid(name, "a whole number of at least 1", value)
        if self.batch_timeout_micros is not None and self.batch_timeout_micros < 0:
            raise _invalid(
                "batch_timeout_micros", "0 or more", self.batch_timeout_micros
            )
        largest = self.max_batch_size
        if largest and self.largest_batch > largest:
            raise _invalid(
                "max_execution_batch_size",
                f"at most {largest}, the `max_batch_size`",
                self.max_execution_batch_size,
            )
        sizes = self.allowed_batch_sizes
        if any(size < 1 for size in sizes) or list(sizes) != sorted(set(sizes)):
            raise _invalid("allowed_batch_sizes", "positive rising numbers", sizes)
        if sizes and self.max_batch_size and sizes[-1] != self.max_batch_size:
            raise _invalid(
                "allowed_batch_sizes", f"{self.max_batch_size} as the last", sizes
            )

    @property
    def batch_sizes(self):
        """The allowed sizes that a batch can have; empty for any."""
        largest = self.largest_batch
        return tuple(
            size for size in self.allowed_batch_sizes if not largest or size <= largest
        )

    @property
    def largest_batch(self):
        """The most rows that run at once; `None` where that is not set."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def text(self):
        """Returns the file's content, a text proto."""
        message = _MESSAGE()
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "allowed_batch_sizes":
                message.allowed_batch_sizes.extend(value)
            elif field.name == "pad_variable_length_inputs":
                message.pad_variable_length_inputs = value
            elif value is not None:
                getattr(message, field.name).value = value
        return text_format.MessageToString(message)


def parse_batching_parameters(text, where=None):
    """Reads the settings from a text proto.

    Args:
        text: The file's content.
        where: What an error calls the file.

    Returns:
        `BatchingParameters`.

    Raises:
        UserError: if the text is no such proto or its values contradict each
            other.
    """
    message = _MESSAGE()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise UserError(f"not batching parameters ({error})", where) from error
    values = {}
    for field, value in message.ListFields():
        if field.name == "allowed_batch_sizes":
            values[field.name] = tuple(value)
        else:
            values[field.name] = getattr(value, "value", value)
    try:
        return BatchingParameters(**values)
    except UserError as error:
        raise UserError(error.what, where) from error


def read_batching_parameters(path):
    """Reads a file of batching settings.

    Args:
        path: The file.

    Returns:
        `BatchingParameters`.

    Raises:
        UserError: if the file cannot be read or is not one.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot be read ({reason})", path) from error
    return parse_batching_parameters(text, path)


def _invalid(name, expected, received):
    return UserError(
        f"Invalid value for `{name}`: expected {expected}, received {received}"
    )


def _message_class():
    """The class of TensorFlow Serving's `BatchingParameters` message.

    The stubs' wheel lacks it. Only text is written and read here, so the names
    of the fields matter and their numbers do not.
    """
    kind = descriptor_pb2.FieldDescriptorProto
    wrapped = {
        "max_batch_size": "Int64Value",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue",
        "enable_large_batch_splitting": "BoolValue",
        "max_execution_batch_size": "Int64Value",
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="amalthea/batching_parameters.proto",
        package="amalthea",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    message = file.message_type.add(name="BatchingParameters")
    for name, wrapper in wrapped.items():
        message.field.add(
            name=name,
            number=len(message.field) + 1,
            label=kind.LABEL_OPTIONAL,
            type=kind.TYPE_MESSAGE,
            type_name=f".google.protobuf.{wrapper}",
        )
    message.field.add(
        name="allowed_batch_sizes",
        number=len(message.field) + 1,
        label=kind.LABEL_REPEATED,
        type=kind.TYPE_INT64,
    )
    message.field.add(
        name="pad_variable_length_inputs",
        number=len(message.field) + 1,
        label=kind.LABEL_OPTIONAL,
        type=kind.TYPE_BOOL,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("amalthea.BatchingParameters")
    )


_MESSAGE = _message_class()
