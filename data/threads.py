"""Running functions that let go of Python's lock, side by side."""

import collections
import concurrent.futures
import os

READERS = 8  # threads that read files, which mostly wait
DECODERS = 2 * (os.cpu_count() or 1)  # threads that decode what they read


def ordered_map(function, items, workers):
    """Yields `function(item)` for each item, in their order, from several threads.

    At most `2 * workers` are ahead of the caller, so that results do not pile up.

    Args:
        function: Called in the threads.
        items: An iterable.
        workers: Number of threads; 1 is the caller's own.
    """
    if workers == 1:
        yield from map(function, items)
        return
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        waiting = collections.deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
