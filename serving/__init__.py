"""Export, audit and loading of served models. Knows no task."""
