"""tf.data loaders and the data doctor. Knows no task."""
