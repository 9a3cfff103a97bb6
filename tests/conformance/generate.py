#!/usr/bin/env python3
"""Make random scenarios and, by playing them on the Python reference library, the records that they must give.

    generate.py --count 1000 --seed 1 --out DIR [--kind training]

Writes DIR/cases/random_SEED_N.json and DIR/expected/random_SEED_N.jsonl and prints how many scenarios hold each feature. A seed always
gives the same scenarios, and the same expectations but for span ids and pids, which compare.py does not compare either.

Scenarios hold what README.md allows and nothing that it rules out. Two of its rules depend on what the reference's file exporter is
holding back or about to write; `Journal` keeps track of that while a scenario is drawn, and says which records to expect. A scenario
that the reference does not take, or whose records are not those foreseen, is counted, thrown away and drawn again.

Beyond README.md: a scenario without a `close` has no span left open, because nothing closes the reference at process exit; a `start`
without a handle is stopped by the `close`; no name or key begins with `onelogger.`, which compare.py takes for an addition of ours.

All this is about kind `core`; draw_training.py draws the others.

Needs what play.py needs, and `fork`: the reference is full of singletons, so each scenario is played in a process of its own.
"""
import argparse
import collections
import functools
import importlib
import importlib.metadata
import json
import logging
import multiprocessing
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
import play  # noqa: E402  (only now: importing them must leave nothing in the source tree)
from draw_training import TrainingDraw  # noqa: E402

PACKAGES = {"nv-one-logger-core": "2.3.1", "nv-one-logger-training-telemetry": "2.3.1", "pyyaml": None}
ATTEMPTS = 20  # draws of one scenario before giving up: far more than bad luck explains

# The scenarios' times are counted in eighths of a second, so that no result depends on how floating point rounds.
PER_SECOND = 8
WINDOW = 300 * PER_SECOND  # how far an explicit time may lie in the past

FAILURES_ALLOWED = 5  # failed exports in total, after which the reference disables an exporter

NAMES = ["application", "load", "Load", "load_data", "parse", "train", "step", "forward", "backward", "save", "evaluate", "upload"]
KEYS = ["path", "rank", "i", "loss", "lr", "done", "tags", "shape", "host", "phase", "bytes", "ratio", "retry", "http.status", "user id"]
EXCEPTIONS = ["ValueError", "KeyError", "OSError", "CudaError", "errno::Io", "Ошибка"]
# Set by the library itself, which replaces a value given by the application. Rarely drawn.
EVENT_KEY, SPAN_KEY = "timestamp_msec", "duration_msec"
ODD_TEXTS = [
    "naïve", "nai\u0308ve", "ключ", "漢字かな", "🦀", "👩\u200d🔬", "שלום", "\u202eright to left", "q\"uo'te", "back\\slash", "tab\tstop",
    "new\nline", "\r\n", "nul\0byte", "\x1b[31mred", "\x7f", "\u2028", "\ufeffbom", "\ufffd", "\U0010ffff", "a | b=[c]", "%s {} ${x}",
    "</script>&amp;", "..", "/a/b c", "null", "1.0", "true",
]
ODD_WHOLES = [0, 1, -1, 2**31 - 1, -2**31, 2**32, 2**53 + 1, -2**53 - 1, 2**63 - 1, -2**63]
ODD_FRACTIONS = [0.0, -0.0, 1.0, -3.0, 0.1, 1e16, 1e-7, 1e22, 1.5e308, 2.5e-308, 5e-324, 2.0**53, 1700000000.125]


class Span:
    """A span of the scenario that is being drawn."""

    def __init__(self, name, handle, started, keys, exported):
        self.name, self.handle, self.started, self.keys, self.exported = name, handle, started, keys, exported


class Journal:
    """What the reference's file exporter does with the calls that pass the filter.

    It holds back the start of one span at a time, to write start and stop as one record if nothing comes between them. Counted are the
    attempts to write; the one that fails leaves a gap, and the first failure makes it write a report.
    """

    def __init__(self):
        self.written = []  # (count, type) of each record in the file
        self.held = None  # the span whose start is held back
        self.attempts = 0
        self.failures = 0
        self.reported = False

    @property
    def disabled(self):
        return self.failures >= FAILURES_ALLOWED

    def write(self, kind):
        self.attempts += 1
        self.written.append((self.attempts, kind))

    def release(self):
        if self.held:
            self.write("start")
        self.held = None

    def start(self, span):
        if span.exported and not self.disabled:
            self.release()
            self.held = span

    def stop(self, span):
        if not span.exported or self.disabled:
            return
        if self.held is span:
            self.held = None
            self.write("complete")
        else:
            self.release()
            self.write("stop")

    def error(self, span):
        if span.exported and not self.disabled:
            self.release()
            self.write("application_error")

    def event(self, span, refuse):
        """The ordinal of the write that is refused, or None if there is no write to refuse."""
        if not span.exported or self.disabled:
            return None
        self.release()
        if not refuse:
            self.write("event")
            return None
        self.attempts += 1
        refused = self.attempts
        # The report of the failure is written even if this failure disables the exporter.
        self.report()
        self.failures += 1
        return refused

    def report(self):
        """A telemetry data error: one in the exporter's life, whoever reports it."""
        if not self.reported and not self.disabled:
            self.write("telemetry_data_error")
        self.reported = True


class Draw:
    """Draws one scenario, step by step. A scenario has its own habits, so that a thousand of them differ more than their lengths do."""

    def __init__(self, rng, name):
        self.rng, self.journal = rng, Journal()
        self.steps, self.refuse = [], []
        self.now = rng.choice([0, 0, 0, rng.randrange(80), rng.randrange(80_000)])
        self.open, self.stopped = [], []

        self.odd = rng.choice([0, 0.1, 0.5])  # share of texts that are out of the ordinary
        self.detail = rng.choice([0, 0.3, 0.7])  # how often a step has what it may have: attributes, explicit times, a parent
        self.refusing = rng.choice([0, 0, 0, 0.1, 0.4, 0.8])  # share of events' writes that fail
        self.lifo = rng.choice([1, 0.7, 0])  # share of stops that hit the latest span
        self.most_open = rng.choice([1, 2, 4, 10])
        self.misuses = rng.random() < 0.35
        self.closes = rng.random() < 0.95
        self.names = [self.text(NAMES) for _ in range(rng.randint(1, 8))]
        self.weights = {op: base * rng.choice([0.2, 1, 1, 3]) for op, base in
                        (("start", 6), ("stop", 4), ("event", 8 if self.refusing else 4), ("error", 1.5), ("set_attributes", 2),
                         ("telemetry_data_error", 0.5), ("misuse", 1.5 if self.misuses else 0))}
        self.weights["telemetry_data_error"] *= rng.choice([0, 1])
        self.filter = self.draw_filter()

        self.play_body(rng.choice([rng.randint(0, 5), rng.randint(5, 15), rng.randint(10, 30), rng.randint(30, 50)]))
        self.play_end()

        epoch = rng.choice([1_700_000_000.0, 1_600_000_000.0, 946_684_800.0, 4_102_444_800.0])
        epoch += rng.choice([0, rng.randrange(PER_SECOND) / PER_SECOND])
        self.scenario = {"name": name, "kind": "core", "epoch": epoch, "config": self.draw_config()}
        if rng.random() < 0.1:
            self.scenario["env"] = {"RANK": str(rng.randrange(8))}
        if self.filter:
            self.scenario["filter"] = self.filter
        if self.refuse:
            self.scenario["refuse_writes"] = self.refuse
        self.scenario["steps"] = self.steps

    # The scenario around the steps.

    def draw_filter(self):
        mode = self.rng.choice(["all", "whitelist", "blacklist", None, None])
        if mode in ("all", None):
            return mode and {"mode": mode}
        near = [name.upper() for name in self.names] + [name[:-1] or "x" for name in self.names] + ["never started"]
        listed = self.rng.sample(self.names, self.rng.randint(0, len(self.names))) + self.rng.sample(near, self.rng.randint(0, 2))
        return {"mode": mode, "span_names": listed or ["never started"]}

    def exported(self, name):
        listed = name in (self.filter or {}).get("span_names", ())
        return {"whitelist": listed, "blacklist": not listed}.get((self.filter or {}).get("mode"), True)

    def draw_config(self):
        rng = self.rng
        config = {"application_name": rng.choice(["demo", "job 7", "Обучение"]), "world_size_or_fn": rng.choice([1, 4, 4096]),
                  "session_tag_or_fn": self.text(["run-1", "", "2024-05-01"]), "error_handling_strategy": "propagate_exceptions"}
        if not any(step.get("refused") for step in self.steps):  # without misuse no strategy, and not the default one, may differ
            strategy = rng.choice(["propagate_exceptions"] * 4 + ["disable_quietly_and_report_metric_error", None])
            config["error_handling_strategy"] = strategy
            if strategy is None:
                del config["error_handling_strategy"]
        if rng.random() < 0.2:
            config["is_baseline_run_or_fn"] = rng.random() < 0.5
            config["custom_metadata"] = {rng.choice(KEYS): self.value()}
        return config

    # Times, texts, attributes.

    def sometimes(self):
        return self.rng.random() < self.detail

    def pass_time(self):
        self.now += self.rng.choice([0, 0, 1, 2, 4, 8, self.rng.randrange(80), self.rng.randrange(80), self.rng.randrange(3_000)])
        if self.rng.random() < 0.01:
            self.now += self.rng.randrange(1_000_000)

    def past(self, earliest=None):
        """A time, in eighths, that is allowed now: not before `earliest`, if given; perhaps before the scenario's time 0."""
        lowest = self.now - self.rng.choice([5 * PER_SECOND, 5 * PER_SECOND, WINDOW])
        return self.rng.randint(lowest if earliest is None else max(earliest, lowest), self.now)

    def text(self, plain):
        rng = self.rng
        if rng.random() >= self.odd:
            return rng.choice(plain)
        # Any character but surrogates, which are none.
        any_text = "".join(chr(rng.choice([rng.randrange(1, 0x250), rng.randrange(0x3040, 0xD800), rng.randrange(0xE000, 0x110000)]))
                           for _ in range(rng.randint(1, 12)))
        return rng.choice([rng.choice(ODD_TEXTS), rng.choice(plain) + rng.choice(ODD_TEXTS), any_text])

    def value(self):
        rng = self.rng
        scalar = rng.choice([
            lambda: self.text(["", "ok", "warm-up", "/data/out", "x" * rng.choice([10, 100, 2_000])]),
            lambda: rng.random() < 0.5,
            lambda: rng.choice([rng.choice(ODD_WHOLES), rng.randint(-1_000, 1_000), rng.getrandbits(64) - 2**63]),
            lambda: rng.choice([rng.choice(ODD_FRACTIONS), float(rng.randint(-99, 99)), rng.uniform(-1e6, 1e6)]),
        ])
        return [scalar() for _ in range(rng.choice([0, 1, 2, 3, 8]))] if rng.random() < 0.25 else scalar()

    def attributes(self, library_key, likely=()):
        """An attribute set, now and then with a key that the library sets itself, often with some of the `likely` keys."""
        rng = self.rng
        keys = [self.text(KEYS) for _ in range(rng.choice([0, 1, 1, 2, 3, 4, 8, rng.randrange(40)]))]
        keys += rng.sample(likely, rng.randint(0, len(likely)))
        if rng.random() < 0.02:
            keys.append(library_key)
        rng.shuffle(keys)
        return {key: self.value() for key in keys}

    # The steps.

    def add(self, op, **fields):
        step = {"t": seconds(self.now), "op": op, **fields}
        self.steps.append(step)
        return step

    def play_body(self, length):
        for _ in range(length):
            self.pass_time()
            possible = {"start": len(self.open) < self.most_open, "telemetry_data_error": not self.journal.held,
                        "misuse": not self.journal.held and any(span.handle for span in self.stopped)}
            ready = [op for op in self.weights if possible.get(op, any(span.handle for span in self.open))]
            weights = [self.weights[op] for op in ready]
            if any(weights):
                getattr(self, self.rng.choices(ready, weights)[0])()

    def play_end(self):
        rng = self.rng
        if not self.closes or rng.random() < 0.6:
            while any(span.handle for span in self.open):
                self.pass_time()
                self.stop()
        if not self.closes and self.steps:
            return
        self.pass_time()
        self.add("close")
        for span in reversed(self.open):
            self.journal.stop(span)
        self.stopped, self.open = self.stopped + self.open, []
        for _ in range(rng.choice([0, 1, 1, 3]) if self.misuses else 0):
            self.pass_time()
            self.misuse(closed=True)

    def pick(self, spans, latest):
        """The handle of a span is only known to the steps if it has one."""
        spans = [span for span in spans if span.handle]
        return spans[-1] if self.rng.random() < latest else self.rng.choice(spans)

    def start(self):
        rng, name, started = self.rng, self.rng.choice(self.names), self.now
        step, keys = self.add("start", name=name), []
        if self.sometimes():
            step["attributes"] = self.attributes(SPAN_KEY)
            keys = list(step["attributes"])
        if self.sometimes():
            step["start_event_attributes"] = self.attributes(EVENT_KEY)
        if rng.random() < self.detail / 2:
            started = self.past()
            step["start_time"] = seconds(started)
        parents = [span for span in self.open if span.handle]
        if rng.random() < 0.05:  # the reference also takes a stopped one
            parents = [span for span in self.stopped if span.handle]
        if parents and rng.random() < self.detail / 2:
            step["parent"] = rng.choice(parents).handle
        handle = None
        if rng.random() < 0.98 or not self.closes:
            handle = step["as"] = f"s{len(self.steps)}"
        self.open.append(Span(name, handle, started, keys, self.exported(name)))
        self.journal.start(self.open[-1])

    def stop(self):
        span = self.pick(self.open, self.lifo)
        step = self.add("stop", span=span.handle)
        if self.sometimes():
            step["stop_event_attributes"] = self.attributes(EVENT_KEY)
        if self.rng.random() < self.detail / 2:
            step["stop_time"] = seconds(self.past(earliest=span.started))
        self.open.remove(span)
        self.stopped.append(span)
        self.journal.stop(span)

    def event(self):
        span = self.pick(self.open, 0.5)
        step = self.add("event", span=span.handle, name=self.text(["progress", "metrics", "checkpoint_reached"]))
        if self.sometimes():
            step["attributes"] = self.attributes(EVENT_KEY)
        if self.rng.random() < self.detail / 2:
            step["time"] = seconds(self.past(earliest=self.rng.choice([span.started, span.started, None])))
        refused = self.journal.event(span, self.rng.random() < self.refusing)
        if refused:
            self.refuse.append(refused)

    def error(self):
        span = self.pick(self.open, 0.5)
        self.journal.error(span)
        self.add("error", span=span.handle, **self.draw_error())

    def draw_error(self):
        fields = {"message": self.text(["", "disk is slow", "could not save"])}
        if self.rng.random() < 0.5:
            fields["exception"] = {"type": self.rng.choice(EXCEPTIONS), "message": self.text(["bad shard", "no such file: /x"])}
        return fields

    def set_attributes(self):
        span = self.pick(self.open, 0.5)
        step = self.add("set_attributes", span=span.handle, attributes=self.attributes(SPAN_KEY, likely=span.keys))
        span.keys += [key for key in step["attributes"] if key not in span.keys]

    def telemetry_data_error(self):
        step = self.add("telemetry_data_error", message=self.text(["sensor missing", "clock went back", ""]))
        if self.sometimes():
            step["attributes"] = self.attributes(EVENT_KEY)
        self.journal.report()

    def misuse(self, closed=False):
        """A call on a span that is stopped or on a closed recorder. The library itself reports it, unless it is closed."""
        ops = ["stop", "event", "error"] if any(span.handle for span in self.stopped) else []
        op = self.rng.choice(ops + ["start", "telemetry_data_error"] if closed else ops)
        if op == "start":
            step = self.add(op, name=self.rng.choice(self.names))
        elif op == "telemetry_data_error":
            step = self.add(op, message="too late")
        else:
            handle = self.pick(self.stopped, 0.5).handle
            step = self.add(op, span=handle, **{"stop": {}, "event": {"name": "too_late"}, "error": self.draw_error()}[op])
            if op != "error" and self.sometimes():
                step["stop_event_attributes" if op == "stop" else "attributes"] = self.attributes(EVENT_KEY)
        step["refused"] = True
        if not closed:
            self.journal.report()


def seconds(eighths):
    """A time as the scenarios write it: 2, 2.125."""
    return eighths // PER_SECOND if eighths % PER_SECOND == 0 else eighths / PER_SECOND


def play_apart(case, out, log):
    """Play a scenario in a child process; whether the reference took it. The log file gets what the child says."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    status = 1
    try:
        sys.stdout = sys.stderr = log.open("w", encoding="utf-8")
        logging.disable(logging.CRITICAL)  # a call after close makes the reference log hundreds of lines
        sys.argv = ["play.py", str(case), str(out)]
        status = play.main()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def make(number, kind, seed, directory, scratch):
    """Draw and play scenario `number` until the reference takes it. Gives its features and why earlier draws were thrown away."""
    name, discarded = f"random_{seed}_{number}", []
    case, out, log = (scratch / f"{name}{suffix}" for suffix in (".json", ".jsonl", ".log"))
    for attempt in range(ATTEMPTS):
        draw = (TrainingDraw if kind == "training" else Draw)(random.Random(f"{seed}/{number}/{attempt}"), name)
        case.write_text(json.dumps(draw.scenario, indent=1) + "\n")
        if not play_apart(case, out, log):
            discarded.append(f"{name}, draw {attempt}: {log.read_text(encoding='utf-8').strip().splitlines()[-1]}")
            continue
        records = [json.loads(line) for line in out.open()] if out.exists() else []
        out.touch()  # a rank that is disabled makes no file
        if kind == "core" and [(record["count"], record["type"]) for record in records] != draw.journal.written:
            discarded.append(f"{name}, draw {attempt}: other records than foreseen")
            continue
        shutil.move(case, directory / "cases" / case.name)
        shutil.move(out, directory / "expected" / out.name)
        held = features(draw.scenario, records) if kind == "core" else draw.features | {f"record: {record['type']}" for record in records}
        return sorted(set(held)), discarded
    raise RuntimeError("no scenario was taken:\n" + "\n".join(discarded))


def features(scenario, records):
    """What a scenario exercises, read from the scenario and its records."""
    steps, closed = scenario["steps"], False
    spans, stopped, keys = {}, set(), {}  # by handle: the start; the stopped ones; the keys of the attributes
    yield f"filter: {scenario.get('filter', {'mode': 'none given'})['mode']}"
    yield f"steps: {'1' if len(steps) == 1 else '2 to 10' if len(steps) <= 10 else '11 to 30' if len(steps) <= 30 else 'over 30'}"
    yield f"error strategy: {scenario['config'].get('error_handling_strategy', 'none given')}"
    yield from (f"record: {record['type']}" for record in records)
    yield from (f"report: {record['error']['attributes']['telemetry_data_error_type']}" for record in records if "error" in record)
    if not records:
        yield "record: none"
    failures = len(scenario.get("refuse_writes", []))
    if failures:
        yield f"refused writes: {'5, exporter disabled' if failures == FAILURES_ALLOWED else '1 to 4'}"
    if not all(json.dumps(step, ensure_ascii=False).isascii() for step in steps):
        yield "text: beyond ASCII"
    if "env" in scenario:
        yield "RANK is set"
    for step in steps:
        op = step["op"]
        yield f"step: {op}"
        for field in ("start_time", "stop_time", "time", "exception", "start_event_attributes", "stop_event_attributes"):
            if field in step:
                yield f"{op} with {field}"
        if min(step.get("start_time", 0), step.get("time", 0)) < 0:
            yield "explicit time before time 0"
        for given in (step.get(field, {}) for field in step if field.endswith("attributes")):
            yield from (f"value: {'list' if isinstance(value, list) else type(value).__name__}" for value in given.values())
            if SPAN_KEY in given or EVENT_KEY in given:
                yield "attribute that the library sets itself"
            if not given:
                yield "empty attribute set"
        if step.get("refused"):
            yield f"misuse: {op} {'after close' if closed else 'on a stopped span'}"
            continue
        if op == "start":
            if "parent" in step:
                yield f"parent: {'stopped' if step['parent'] in stopped else 'explicit'}"
            if len(spans) > len(stopped):
                yield "nested start"
            handle = step.get("as", id(step))
            spans[handle], keys[handle] = step, set(step.get("attributes", {}))
        elif op == "event" and "time" in step and step["time"] < spans[step["span"]].get("start_time", spans[step["span"]]["t"]):
            yield "event before its span's start"
        elif op == "set_attributes":
            yield "set_attributes " + ("replaces" if keys[step["span"]] & set(step["attributes"]) else "adds")
            keys[step["span"]] |= set(step["attributes"])
        elif op == "stop":
            if [handle for handle in spans if handle not in stopped][-1] != step["span"]:
                yield "stop of another than the latest span"
            stopped.add(step["span"])
        elif op == "close":
            if len(spans) > len(stopped):
                yield "close with active spans"
            closed, stopped = True, set(spans)
    if not closed:
        yield "no close"
    if sum(step["op"] == "telemetry_data_error" and not step.get("refused") for step in steps) > 1:
        yield "telemetry_data_error more than once"


def require_reference():
    """Import the reference before any fork, so that each child finds it in memory; exit if it is missing or another version."""
    try:
        found = {package: importlib.metadata.version(package) for package in PACKAGES}
        for module in ("api.config", "api.one_logger_provider", "exporter.file_exporter", "recorder.default_recorder",
                       "training_telemetry.api.callbacks", "training_telemetry.api.training_telemetry_provider"):
            importlib.import_module(f"nv_one_logger.{module}")
    except ImportError as error:
        found = str(error)
    if isinstance(found, str) or any(version and found[package] != version for package, version in PACKAGES.items()):
        wanted = " ".join(f"{package}=={version}" if version else package for package, version in PACKAGES.items())
        sys.exit(f"generate.py needs the Python reference library (found: {found}). Install it with:\n    pip install {wanted}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Make random scenarios and their expectations.")
    parser.add_argument("--count", type=int, required=True, help="how many scenarios")
    parser.add_argument("--seed", type=int, required=True, help="the same seed gives the same scenarios")
    parser.add_argument("--kind", choices=["core", "training"], default="core", help="what the scenarios call")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory for cases/ and expected/")
    args = parser.parse_args()
    require_reference()

    began, directory = time.monotonic(), args.out.resolve()
    for part in ("cases", "expected"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    totals, discarded = collections.Counter(), []
    # Played in a scratch directory, as the reference leaves log files of its own where it runs.
    with tempfile.TemporaryDirectory() as scratch, multiprocessing.get_context("fork").Pool() as pool:
        job = functools.partial(make, kind=args.kind, seed=args.seed, directory=directory, scratch=pathlib.Path(scratch))
        for its_features, its_discarded in pool.imap(job, range(1, args.count + 1)):
            totals.update(its_features)
            discarded += its_discarded
    for feature, scenarios in sorted(totals.items()):
        print(f"{scenarios:6}  {feature}")
    print("\n".join(discarded + [f"{args.count} scenarios, {len(discarded)} draws discarded, {time.monotonic() - began:.1f} s"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
