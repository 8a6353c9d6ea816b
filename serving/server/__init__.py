"""An embedded model server that speaks TensorFlow Serving's two APIs."""
