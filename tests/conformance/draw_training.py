"""Draws random scenarios of kind `training` for generate.py.

A job: initialization, perhaps a validation, a training loop with iterations, saves and validations, tests, late successes of saves. What
README.md rules out is not drawn, nor is what ../spec calls wrong in the reference and this library does otherwise: explicit times of
callbacks that record metrics or start a save, an iteration without length where throughput is logged, a switch that is off for spans
that are exported.
"""

PER_SECOND = 8  # as in generate.py

PHASES = ["distributed_init", "dataloader_init", "model_init", "optimizer_init", "load_checkpoint"]
SPANS = ["application", "training_loop", "validation_loop", "testing_loop", "distributed_code_initialization", "data_loader_initialization",
         "model_initialization", "optimizer_initialization", "checkpoint_load", "checkpoint_save_sync", "checkpoint_save_async",
         "training_single_iteration", "validation_single_iteration"]
ITERATIONS = {"training_single_iteration", "validation_single_iteration"}
METADATA = ["speech", "", "a:b", "naïve", True, False, 0, 12, -5, 0.5, 1.0, -2.25, 1e16, 1.5e-7, 1e22, 0.0001, 123456.789, [1, 2], [],
            ["x", "it's", 'q"', "a\\b"], [0.5, 3.0], [True]]


class TrainingDraw:
    """Draws one scenario. `features` says what it holds."""

    def __init__(self, rng, name):
        self.rng, self.steps, self.features = rng, [], set()
        self.now = rng.choice([0, 0, rng.randrange(80), rng.randrange(80_000)])
        self.epoch = rng.choice([1_700_000_000.0, 1_600_000_000.125, 946_684_800.0])
        self.explicit = rng.choice([0, 0, 0.3, 0.8])  # share of callbacks with a time of their own
        self.last = self.now  # the latest time that any record has, so that nothing ends before it begins
        self.filter = self.draw_filter()
        self.strategy = rng.choice(["sync", "async"])
        self.saves = rng.random() < 0.7
        self.throughput = rng.random() < 0.4
        self.misuses = rng.random() < 0.3 and self.exported("application")
        self.disabled = rng.random() < 0.03
        self.training = self.draw_training()
        self.pending, self.step = [], 0  # saves that may still succeed, in order; the last step

        self.play()

        config = self.draw_config()
        self.scenario = {"name": name, "kind": "training", "epoch": self.epoch, "config": config, "training_config": self.training}
        if rng.random() < 0.2:
            self.scenario["env"] = {"RANK": str(rng.randrange(64))}
        if self.filter:
            self.scenario["filter"] = self.filter
        self.scenario["steps"] = self.steps
        for feature in (f"strategy: {self.strategy}", f"throughput: {self.throughput}", f"filter: {(self.filter or {}).get('mode')}",
                        f"log every: {self.training.get('log_every_n_train_iterations', 50)}"):
            self.features.add(feature)

    # Configurations.

    def draw_filter(self):
        mode = self.rng.choice([None, None, "whitelist", "blacklist"])
        if mode is None:
            return None
        return {"mode": mode, "span_names": self.rng.sample(SPANS, self.rng.randint(1, len(SPANS)))}

    def exported(self, name):
        if not self.filter:
            return name not in ITERATIONS
        return (name in self.filter["span_names"]) == (self.filter["mode"] == "whitelist")

    def metadata(self):
        keys = self.rng.sample(["team", "retry", "cluster", "a b", "ключ"], self.rng.randint(1, 4))
        return {key: self.rng.choice(METADATA) for key in keys}

    def draw_training(self):
        rng = self.rng
        config = {"perf_tag_or_fn": rng.choice(["bench-a", "", ["a", "b"], ["one"]]), "global_batch_size_or_fn": rng.choice([1, 8, 32, 1024])}
        if rng.random() < 0.9:
            config["log_every_n_train_iterations"] = rng.choice([1, 2, 3, 4, 5, 50])
        for key, values in (("micro_batch_size_or_fn", [1, 4, 0, -1]), ("seq_length_or_fn", [2048, 1, 0]),
                            ("train_iterations_target_or_fn", [50, 1]), ("train_samples_target_or_fn", [1600, 7])):
            if rng.random() < 0.4:
                config[key] = rng.choice(values)
        if self.throughput or rng.random() < 0.2:
            config["flops_per_sample_or_fn"] = rng.choice([1, 500_000_000_000, 10**12, 12345])
        if self.throughput:
            config["is_log_throughput_enabled_or_fn"] = True
        config["save_checkpoint_strategy"] = self.strategy
        if self.strategy == "sync" and rng.random() < 0.5:
            del config["save_checkpoint_strategy"]
        switches = {"is_test_iterations_enabled_or_fn": True, "is_save_checkpoint_enabled_or_fn": not self.saves,
                    "is_train_iterations_enabled_or_fn": not self.exported("training_single_iteration"),
                    "is_validation_iterations_enabled_or_fn": not self.exported("validation_single_iteration")}
        for key, may_be_off in switches.items():
            if rng.random() < 0.3:
                config[key] = not may_be_off or rng.random() < 0.5
        if rng.random() < 0.3:
            config["custom_metadata"] = self.metadata()
        return config

    def draw_config(self):
        rng = self.rng
        config = {"application_name": "demo", "world_size_or_fn": rng.choice([1, 4, 4096]), "session_tag_or_fn": rng.choice(["run-1", ""])}
        strategies = ["propagate_exceptions"] if self.misuses else ["propagate_exceptions", "disable_quietly_and_report_metric_error", None]
        strategy = rng.choice(strategies)
        if strategy:
            config["error_handling_strategy"] = strategy
        if rng.random() < 0.3:
            config["custom_metadata"] = self.metadata()
        if rng.random() < 0.2:
            config["is_baseline_run_or_fn"] = rng.random() < 0.5
        if rng.random() < 0.2:
            config["summary_data_schema_version"] = "2.1.0"
        if self.disabled:
            config["enable_for_current_rank"] = False
            self.features.add("rank disabled")
        return config

    # Steps.

    def pass_time(self, least=0):
        self.now += max(least, self.rng.choice([0, 1, 2, 4, 8, self.rng.randrange(80), self.rng.randrange(300)]))

    def call(self, op, time=None, **args):
        """A callback, at a time of its own if `time` names the parameter and the scenario has such times."""
        step = {"t": self.seconds(self.now), "op": op}
        at = self.now
        if time and self.rng.random() < self.explicit:
            earliest = max(self.last, self.now - 300 * PER_SECOND)
            at = self.rng.randint(min(earliest, self.now), self.now)
            args[time] = (self.epoch + at / PER_SECOND) * 1000
            self.features.add("explicit time")
        self.last = max(self.last, at)
        if args:
            step["args"] = args
        self.steps.append(step)
        self.features.add(op)
        return step

    @staticmethod
    def seconds(eighths):
        return eighths // PER_SECOND if eighths % PER_SECOND == 0 else eighths / PER_SECOND

    def remark(self, handle):
        """An event or an attribute of the application's own on a span that is open; after an event perhaps an error."""
        if self.disabled or self.rng.random() < 0.6:
            return
        step = {"t": self.seconds(self.now), "span": handle}
        self.last = self.now
        kind = self.rng.choice(["event", "set_attributes", "error"])
        if kind == "set_attributes":
            self.steps.append({**step, "op": kind, "attributes": {"note": self.rng.choice(["x", 3, 0.5])}})
        else:
            self.steps.append({**step, "op": "event", "name": "progress", "attributes": {"done": 3}})
        if kind == "error":
            self.steps.append({**step, "op": "error", "message": "disk is slow"})
        self.features.add(f"{kind} on a standard span")

    def misuse(self, op, **args):
        """A callback that is refused; the event before it lets go a start that is held back."""
        if not self.misuses or self.disabled or self.rng.random() < 0.7:
            return
        self.steps.append({"t": self.seconds(self.now), "op": "event", "span": "app", "name": "before_misuse"})
        self.call(op, **args)["refused"] = True
        self.features.add(f"refused: {op}")

    def phase(self, name, inner=()):
        self.call(f"on_{name}_start", "start_time_msec")
        if self.rng.random() < 0.1:
            self.misuse(f"on_{name}_start")
        for other in inner:
            self.pass_time()
            self.phase(other)
        self.pass_time()
        self.call(f"on_{name}_end", "finish_time_msec")
        self.misuse(f"on_{name}_end")

    # The job.

    def play(self):
        rng = self.rng
        self.call("on_app_start", "start_time_msec")["as"] = "app"
        self.pass_time()
        phases = rng.sample(PHASES, rng.randint(0, len(PHASES)))
        when = rng.randint(0, len(phases))
        for place, name in enumerate([*phases, None]):
            if place == when:
                self.call("set_training_config")
                self.pass_time()
            if name:
                inner = phases[place + 1:] if rng.random() < 0.2 and when <= place else []
                self.phase(name, inner)
                self.pass_time()
                if inner:
                    break
        if rng.random() < 0.2:
            self.evaluate("validation")
        self.remark("app")
        if rng.random() < 0.95:
            self.train()
        for _ in range(rng.choice([0, 0, 1, 2])):
            self.pass_time()
            self.evaluate("testing")
        self.succeed_late(everything=True)
        self.pass_time()
        self.call("on_app_end", "finish_time_msec")

    def evaluate(self, name):
        self.call(f"on_{name}_start", "start_time_msec")
        if name == "validation":
            for _ in range(self.rng.choice([0, 0, 1, 2, 4])):
                self.pass_time()
                self.call("on_validation_single_iteration_start", "start_time_msec")
                self.pass_time()
                self.call("on_validation_single_iteration_end", "finish_time_msec")
        self.pass_time()
        self.call(f"on_{name}_end")
        self.misuse(f"on_{name}_end")

    def train(self):
        rng = self.rng
        args = {"train_iterations_start": rng.choice([0, 0, 1, 7, 100, 1000])}
        if rng.random() < 0.3:
            args["train_samples_start"] = rng.choice([0, 5, 3200])
        for target, values in (("iterations", [8, 2000]), ("samples", [256, 100_000])):
            known = f"train_{target}_target_or_fn" in self.training
            if rng.random() < 0.4 or (self.throughput and not known):
                args[f"train_{target}_target_or_fn"] = rng.choice(values)
        self.misuse("on_train_start", train_iterations_start=-1)
        self.call("on_train_start", "start_time_msec", **args)["as"] = "loop"
        self.step = args["train_iterations_start"]
        done = self.step
        every = self.training.get("log_every_n_train_iterations", 50)
        for _ in range(rng.choice([0, 3, rng.randrange(12), rng.randrange(30)])):
            self.pass_time()
            self.call("on_training_single_iteration_start", "start_time_msec")
            if rng.random() < 0.03:
                self.save()
            self.pass_time(least=1)
            done += 1
            # The metrics belong to the callback's time here, and to the clock's in the reference.
            time = None if done % every == 0 or self.throughput else "finish_time_msec"
            self.call("on_training_single_iteration_end", time)
            if rng.random() < 0.15:
                self.pass_time()
                self.save()
            if rng.random() < 0.1:
                self.pass_time()
                self.evaluate("validation")
            if rng.random() < 0.2:
                self.succeed_late()
            self.remark("loop")
        self.pass_time()
        self.call("on_train_end", "finish_time_msec")
        self.misuse("on_train_end")

    def save(self):
        if not self.saves:
            return
        rng = self.rng
        self.step += rng.randint(1, 3)
        self.call("on_save_checkpoint_start", global_step=self.step)
        self.pass_time()
        if self.strategy == "async":
            self.pending.append(self.step)
        elif rng.random() < 0.8:
            self.call("on_save_checkpoint_success", "time_msec", global_step=self.step)
            self.pass_time()
        self.call("on_save_checkpoint_end")
        self.misuse("on_save_checkpoint_end")

    def succeed_late(self, everything=False):
        while self.pending:
            step = self.pending.pop(0)
            if self.rng.random() < 0.8:  # the others have failed
                self.pass_time()
                self.call("on_save_checkpoint_success", "time_msec", global_step=step)
            if not everything:
                break
