"""TensorBoard's event files."""

import tensorflow as tf


class EventLog:
    """Writes one figure a name and epoch for TensorBoard.

    It uses core TensorFlow only: `tf.summary.scalar` would need the tensorboard
    package, which TensorFlow no longer brings along.

    Args:
        folder: Where the event files go. A resumed run adds a file.
    """

    def __init__(self, folder):
        self._writer = tf.summary.create_file_writer(str(folder))
        self._metadata = tf.compat.v1.SummaryMetadata(
            plugin_data={"plugin_name": "scalars"}
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._writer.close()

    def write(self, epoch, figures):
        """Writes an epoch's figures."""
        with self._writer.as_default():
            for name, value in figures.items():
                if name != "epoch":
                    tf.summary.write(
                        name, tf.constant(value, tf.float32), epoch, self._metadata
                    )
        self._writer.flush()
