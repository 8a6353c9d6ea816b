"""`python -m amalthea` and the console script."""

import sys


def main():
    """Runs the command line; returns the exit status."""
    from .pipelines.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
