"""The metrics page: read by Prometheus' own parser, compared with a real server's."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tensorflow.python.eager import monitoring

from amalthea.serving.server.metrics import Metrics

# The limits that a real server printed for a latency, from 10 microseconds up.
REAL_LIMITS = """
10 18 32.4 58.32 104.976 188.957 340.122 612.22 1102 1983.59 3570.47 6426.84 11568.3
20823 37481.3 67466.4 121440 218591 393464 708235 1.27482e+06 2.29468e+06 4.13043e+06
7.43477e+06 1.33826e+07 2.40887e+07 4.33596e+07 7.80473e+07 1.40485e+08 2.52873e+08
4.55172e+08 8.19309e+08 1.47476e+09 +Inf
"""

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
TYPE_LINE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram)")
SAMPLE_LINE = re.compile(rf"({NAME})\{{(|{LABEL}(?:,{LABEL})*)\}} (-?\d+)")


def read(text):
    """Reads the page strictly; returns its types and its samples."""
    types, samples = {}, {}
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if found := TYPE_LINE.fullmatch(line):
            assert found[1] not in types
            types[found[1]] = current = found[1], found[2]
            continue
        found = SAMPLE_LINE.fullmatch(line)
        assert found, line
        name, kind = current
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        assert found[1] in [name + suffix for suffix in suffixes]
        labels = tuple(found[:2] for found in re.findall(LABEL, found[2]))
        assert (found[1], labels) not in samples
        samples[found[1], labels] = int(found[found.re.groups])
    return {name: kind for name, kind in types.values()}, samples


def read_by_prometheus(text):
    """Reads the page as Prometheus' client does; returns the same as `read`."""
    types, samples = {}, {}
    for family in text_string_to_metric_families(text):
        types[family.name] = family.type
        for sample in family.samples:
            name = sample.name
            if family.type == "counter":  # the parser's own addition
                name = name.removesuffix("_total")
            samples[name, tuple(sorted(sample.labels.items()))] = sample.value
    return types, samples


def fill(metrics):
    metrics.know("pets", 7, ["serving_default", "top"], "/models/pets/7")
    metrics.request("pets", "REST", "Predict", "serving_default", "OK", 0.0025, rows=3)
    metrics.request("pets", "GRPC", "Predict", "", "OK", 0.001, rows=2)
    metrics.request("pets", "GRPC", "Predict", "top", "INVALID_ARGUMENT", 0.001)
    metrics.request("pets", "REST", "GetModelStatus", "", "OK", 0.0001)
    metrics.request("pets", "GRPC", "GetModelStatus", "", "OK", 0.0001)
    metrics.runtime("pets", 7, "serving_default", 0.002)
    metrics.load("/models/pets/7", True, 1.5)
    metrics.load("/models/pets/8", False, 0.25)
    metrics.batch_input(3)
    metrics.queued("pets", 7, "serving_default", 0.0004)
    metrics.batch("pets", 7, "serving_default", 4, 1)
    metrics.queue("pets", 7, "serving_default", 5)


@pytest.fixture
def page():
    metrics = Metrics()
    fill(metrics)
    return metrics.text()


def test_the_page_is_strictly_in_the_form(page):
    types, samples = read(page)
    assert types[":tensorflow:serving:request_count"] == "counter"
    assert types[":tensorflow:serving:request_latency"] == "histogram"
    assert types[":amalthea:serving:queue_length"] == "gauge"
    assert list(types) == sorted(types)
    assert samples


def test_prometheus_reads_the_same(page):
    types, samples = read(page)
    ours = {(name, tuple(sorted(labels))): v for (name, labels), v in samples.items()}
    assert read_by_prometheus(page) == (types, ours)


def test_names_and_labels_are_the_real_servers(page):
    for line in (
        ':tensorflow:serving:request_count{model_name="pets",status="OK"} 3',
        ':tensorflow:serving:request_count{model_name="pets",'
        'status="INVALID_ARGUMENT"} 1',
        ':tensorflow:serving:request_latency_sum{model_name="pets",API="predict",'
        'entrypoint="REST"} 2500',
        ':tensorflow:serving:request_latency_count{model_name="pets",API="Predict",'
        'entrypoint="GRPC"} 1',
        ':tensorflow:serving:request_latency_count{model_name="pets",API="",'
        'entrypoint="REST"} 1',
        ':tensorflow:serving:runtime_latency_sum{model_name="pets",API="Predict",'
        'runtime="TF1"} 2000',
        ':tensorflow:cc:saved_model:load_attempt_count{model_path="/models/pets/7",'
        'status="success"} 1',
        ':tensorflow:cc:saved_model:load_attempt_count{model_path="/models/pets/8",'
        'status="fail"} 1',
        ':tensorflow:cc:saved_model:load_latency{model_path="/models/pets/7"} 1500000',
        ':tensorflow:serving:batching_session:queuing_latency_sum{thread_pool_name=""}'
        " 400",
        ":tensorflow:serving:batching_session:input_batch_size_sum{} 3",
        ":tensorflow:serving:batching_session:processed_batch_size_sum{} 4",
        ":tensorflow:serving:batching_session:padding_size_sum{"
        'execution_batch_size="4"} 1',
        ":tensorflow:serving:batching_session:wrapped_run_count{} 1",
    ):
        assert f"\n{line}\n" in page


def test_signatures_are_told_apart_under_our_own_names(page):
    _, samples = read(page)
    signature = ("model", "pets"), ("signature", "serving_default")
    ours = ":amalthea:serving:"
    rest = (*signature, ("api", "REST"))
    assert samples[f"{ours}request_count", (*rest, ("code", "OK"))] == 1
    assert samples[f"{ours}row_count", rest] == 3
    assert samples[f"{ours}request_latency_sum", rest] == 2500
    assert samples[f"{ours}row_count", (*signature, ("api", "GRPC"))] == 2
    version = ("model", "pets"), ("version", "7"), ("signature", "serving_default")
    assert samples[f"{ours}queue_length", version] == 5
    assert samples[f"{ours}runtime_latency_count", version] == 1
    assert samples[f"{ours}queuing_latency_sum", version] == 400
    assert samples[f"{ours}batch_size_sum", version] == 4
    assert samples[f"{ours}padding_row_count", version] == 1


def test_names_without_labels_are_there_from_the_start():
    types, samples = read(Metrics().text())
    session = ":tensorflow:serving:batching_session:"
    assert samples[f"{session}wrapped_run_count", ()] == 0
    assert samples[f"{session}input_batch_size_bucket", (("le", "+Inf"),)] == 0
    assert types[":tensorflow:serving:request_latency"] == "histogram"


def buckets(samples, name, labels=()):
    return {
        pairs[-1][1]: value
        for (sample, pairs), value in samples.items()
        if sample == f"{name}_bucket" and pairs[:-1] == labels
    }


def test_latency_buckets_have_the_real_servers_limits(page):
    _, samples = read(page)
    labels = ("model_name", "pets"), ("API", "predict"), ("entrypoint", "REST")
    found = buckets(samples, ":tensorflow:serving:request_latency", labels)
    assert list(found) == REAL_LIMITS.split()
    assert [found[limit] for limit in ("1983.59", "3570.47", "+Inf")] == [0, 1, 1]


def test_values_fall_into_the_buckets_that_tensorflow_puts_them_into():
    metrics = Metrics()
    oracle = monitoring.Sampler(
        "/test/input_batch_size", monitoring.ExponentialBuckets(1, 2, 14), "oracle"
    )
    for rows in (0, 1, 2, 3, 4, 5, 64, 8191, 8192, 10_000):
        metrics.batch_input(rows)
        oracle.get_cell().add(rows)
    _, samples = read(metrics.text())
    name = ":tensorflow:serving:batching_session:input_batch_size"
    cumulative = list(buckets(samples, name).values())
    counts = [b - a for a, b in zip([0, *cumulative], cumulative, strict=False)]
    histogram = oracle.get_cell().value()
    assert counts == list(histogram.bucket)
    assert samples[f"{name}_sum", ()] == histogram.sum
    assert samples[f"{name}_count", ()] == histogram.num


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\nb", 'a\\"\n', "é", "", "a,b}"])
def test_any_model_name_stays_one_label(name):
    metrics = Metrics()
    metrics.know(name, 1, ["s"], "/m")
    metrics.request(name, "REST", "Predict", "s", "OK", 0.001)
    page = metrics.text()
    read(page)
    _, samples = read_by_prometheus(page)
    labels = ("model_name", name), ("status", "OK")
    assert samples[":tensorflow:serving:request_count", labels] == 1


def test_a_name_that_is_no_text_can_still_be_sent():
    metrics = Metrics()
    metrics.know("\udcff", 1, ["s"], "/m")
    metrics.request("\udcff", "REST", "Predict", "s", "OK", 0.001)
    read(metrics.text().encode("utf-8").decode("utf-8"))


def series(metrics, name):
    """The values of one name, by label values."""
    _, samples = read(metrics.text())
    return {
        tuple(value for _, value in labels): number
        for (sample, labels), number in samples.items()
        if sample == name
    }


def test_names_that_only_clients_know_share_one_series():
    metrics = Metrics()
    metrics.know("pets", 7, ["serving_default"], "/models/pets/7")
    for index in range(2000):
        metrics.request(f"m{index}", "GRPC", "Predict", "", "NOT_FOUND", 0.001)
        metrics.request("pets", "REST", "Predict", f"s{index}", "NOT_FOUND", 0.001)
    metrics.request("pets", "REST", "Predict", "serving_default", "OK", 0.001)
    assert series(metrics, ":tensorflow:serving:request_count") == {
        ("", "NOT_FOUND"): 2000,
        ("pets", "NOT_FOUND"): 2000,
        ("pets", "OK"): 1,
    }
    assert series(metrics, ":amalthea:serving:request_count") == {
        ("", "", "GRPC", "NOT_FOUND"): 2000,
        ("pets", "", "REST", "NOT_FOUND"): 2000,
        ("pets", "serving_default", "REST", "OK"): 1,
    }


def test_a_version_that_is_unloaded_leaves_nothing():
    metrics = Metrics()
    fill(metrics)
    metrics.load("/models/pets/70", True, 0.1)
    pages = []
    for version in range(100, 103):
        path = f"/models/pets/{version}"
        metrics.know("pets", version, ["serving_default"], path)
        metrics.load(path, True, 0.1)
        metrics.runtime("pets", version, "serving_default", 0.002)
        metrics.queued("pets", version, "serving_default", 0.0004)
        metrics.batch("pets", version, "serving_default", 4, 1)
        metrics.queue("pets", version, "serving_default", 5)
        metrics.forget("pets", version)
        metrics.forget("pets", version)  # again
        pages.append(re.sub(r" -?\d+\n", "\n", metrics.text()))
        assert path not in pages[-1]
        assert f'version="{version}"' not in pages[-1]
    assert pages[0] == pages[-1]
    assert 'version="7"' in pages[0] and 'model_path="/models/pets/70"' in pages[0]
    metrics.request("pets", "GRPC", "Predict", "top", "OK", 0.001)
    assert ("pets", "top", "GRPC", "OK") in series(
        metrics, ":amalthea:serving:request_count"
    )
    metrics.forget("pets", 7)
    assert '/models/pets/7"' not in metrics.text()
    assert not series(metrics, ":amalthea:serving:queue_length")
    metrics.request("pets", "GRPC", "Predict", "", "NOT_FOUND", 0.001)
    requests = series(metrics, ":tensorflow:serving:request_count")
    assert requests["", "NOT_FOUND"] == 1
    assert requests["pets", "OK"] == 4  # what was counted stays


def test_no_count_is_lost_between_threads():
    metrics = Metrics()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(lambda: [fill(metrics) for _ in range(50)])
        for _ in range(20):
            read(metrics.text())
    _, samples = read(metrics.text())
    labels = ("model_name", "pets"), ("status", "OK")
    assert samples[":tensorflow:serving:request_count", labels] == 3 * 8 * 50
