"""A picture of a sweep."""

from ...files import atomic_file


def write_figure(path, result):
    """Draws throughput over the load, and latency over throughput.

    Args:
        path: The PNG file.
        result: The `BenchResult`.
    """
    # Without pyplot: no display is needed and no state is left behind.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    answered = [item for item in result.measurements if item.requests]
    for number, size in enumerate(sorted({item.batch for item in answered})):
        items = [item for item in answered if item.batch == size]
        items.sort(key=lambda item: item.concurrency)
        _draw(left, right, items, f"C{number % 10}")
    _finish_throughput(left, answered)
    _finish_latency(right, answered)
    figure.suptitle(f"{result.model}, {result.signature} at {result.url}")
    with atomic_file(path, "wb") as file:
        figure.savefig(file, dpi=120, format="png")


def _draw(left, right, items, color):
    size = items[0].batch
    clients = [item.concurrency for item in items]
    rates = [item.rows_per_second for item in items]
    label = f"{size} row{'s' if size > 1 else ''}"
    left.plot(clients, rates, "o-", color=color, label=label)
    right.plot(rates, [item.p50_ms for item in items], "o-", color=color)
    right.plot(rates, [item.p99_ms for item in items], "o:", color=color, markersize=3)
    for item in items:
        right.annotate(
            str(item.concurrency),
            (item.rows_per_second, item.p50_ms),
            xytext=(7, -3),
            textcoords="offset points",
            fontsize=8,
            color=color,
        )


def _finish_throughput(axes, answered):
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted({item.concurrency for item in answered}))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set(xlabel="clients", ylabel="rows per second", title="Throughput")
    if answered:
        axes.legend(title="a request has", frameon=False)
    _lighten(axes)


def _finish_latency(axes, answered):
    rates = [item.rows_per_second for item in answered]
    times = [time for item in answered for time in (item.p50_ms, item.p99_ms)]
    _set_scale(axes.xaxis, axes.set_xscale, rates)
    _set_scale(axes.yaxis, axes.set_yscale, times)
    axes.plot([], [], "ko-", label="median")
    axes.plot([], [], "ko:", markersize=3, label="99 % are faster")
    axes.legend(frameon=False)
    axes.set(xlabel="rows per second", ylabel="latency, ms")
    axes.set_title("Latency (the numbers count clients)")
    _lighten(axes)


def _set_scale(axis, set_scale, values):
    from matplotlib.ticker import LogLocator, NullLocator

    if not values or max(values) < 5 * min(values):
        return  # too near each other for the marks of a logarithmic scale
    set_scale("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def _lighten(axes):
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
