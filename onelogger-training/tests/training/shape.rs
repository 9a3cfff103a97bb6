//! Traces of another shape than the Python library's.

use onelogger::{Record, SpanBuilder, SpanFilter, SpanRecord};
use onelogger_training::{Checkpoint, TraceShape, TrainingTelemetryProvider};

use super::support::{EPOCH, Job, Recorded, small, strict};

const INTERVAL: &str = "onelogger.training.checkpoint_interval";

fn starts(recorded: &Recorded, name: &str) -> Vec<SpanRecord> {
    let one = |record: &Record| match record {
        Record::Start(span) if span.name == name => Some(span.clone()),
        _ => None,
    };
    recorded.0.iter().filter_map(one).collect()
}

#[test]
fn an_iteration_may_begin_a_trace_of_its_own() {
    for shape in [TraceShape::One, TraceShape::PerIteration] {
        let job = Job::showing_all(small().trace_shape(shape));
        job.begin();
        for _ in 0..2 {
            let iteration = job.telemetry.training_iteration().unwrap();
            job.telemetry.forward().unwrap().end().unwrap();
            iteration.end().unwrap();
        }
        let recorded = job.finish();
        let training = &starts(&recorded, "training_loop")[0];
        let iterations = starts(&recorded, "training_single_iteration");
        let [first, second] = &iterations[..] else { panic!() };
        let is_apart = shape == TraceShape::PerIteration;
        for (iteration, forward) in
            [first, second].into_iter().zip(starts(&recorded, "model_forward"))
        {
            assert_eq!(iteration.trace_id != training.trace_id, is_apart);
            assert_eq!(iteration.parent.is_none(), is_apart);
            assert_eq!(forward.trace_id, iteration.trace_id);
            let links: Vec<_> = iteration.links.iter().map(|link| link.context.span_id).collect();
            assert_eq!(links, if is_apart { vec![training.span_id] } else { vec![] });
        }
        assert_eq!(first.trace_id != second.trace_id, is_apart);
    }
}

#[test]
fn each_checkpoint_interval_may_be_a_trace_of_its_own() {
    let job = Job::showing_all(small().trace_shape(TraceShape::PerCheckpoint));
    job.begin();
    for step in [1, 2] {
        job.iterate(10);
        job.telemetry.validation_loop().unwrap().end().unwrap();
        job.save(step, 5);
        // What comes next begins the next interval, and until then there is none.
        job.pass(1);
    }
    job.iterate(10);
    // What a kill would leave now.
    assert_eq!(job.so_far().spans(INTERVAL), [(0, 16), (16, 32)]);
    job.telemetry.on_train_end().unwrap();
    job.telemetry.on_app_end().unwrap();
    let recorded = job.finish();
    assert_eq!(recorded.spans(INTERVAL), [(0, 16), (16, 32), (32, 42)]);

    let training = &starts(&recorded, "training_loop")[0];
    let intervals = starts(&recorded, INTERVAL);
    for (place, interval) in intervals.iter().enumerate() {
        assert!(interval.parent.is_none() && interval.trace_id != training.trace_id);
        assert_eq!(interval.links[0].context.span_id, training.span_id);
        assert_eq!(interval.attributes.get_i64("current_iteration").unwrap(), Some(place as i64));
    }
    for (name, count) in
        [("training_single_iteration", 3), ("validation_loop", 2), ("checkpoint_save_sync", 2)]
    {
        let spans = starts(&recorded, name);
        assert_eq!(spans.len(), count, "{name}");
        for (span, interval) in spans.iter().zip(&intervals) {
            let parent = span.parent.map(|parent| parent.span_id);
            assert_eq!((parent, span.trace_id), (Some(interval.span_id), interval.trace_id));
        }
    }
    assert_eq!(recorded.data_errors(), 0);
}

#[test]
fn an_interval_that_is_open_when_the_application_ends_ends_with_it() {
    let job = Job::showing_all(small().trace_shape(TraceShape::PerCheckpoint));
    job.begin();
    job.iterate(10);
    job.telemetry.on_app_end().unwrap();
    assert_eq!(
        job.finish().stops().last_chunk(),
        Some(&[INTERVAL, "training_loop", "application"].map(String::from))
    );
}

#[test]
fn a_save_within_an_iteration_belongs_to_its_interval() {
    let job = Job::showing_all(small().trace_shape(TraceShape::PerCheckpoint));
    job.begin();
    for step in job.telemetry.train_iter([1, 2]) {
        let saved = Checkpoint::of_step(step);
        job.telemetry.checkpoint(saved).save(|| Ok::<_, std::fmt::Error>(())).unwrap();
    }
    job.telemetry.on_train_end().unwrap();
    let recorded = job.finish();
    let intervals = starts(&recorded, INTERVAL);
    let saves = starts(&recorded, "checkpoint_save_sync");
    assert_eq!(saves.len(), 2);
    for (save, interval) in saves.iter().zip(&intervals) {
        assert_eq!(save.trace_id, interval.trace_id);
    }
}

#[test]
fn spans_of_steps_are_in_a_group_where_the_shape_is_another() {
    for shape in [TraceShape::One, TraceShape::PerIteration, TraceShape::PerCheckpoint] {
        let job = Job::showing_all(small().trace_shape(shape));
        job.begin();
        job.iterate(10);
        job.save(1, 1);
        let recorded = job.finish();
        let group = |name: &str| starts(&recorded, name)[0].group.clone();
        let expected = (shape != TraceShape::One).then(|| "per_step".into());
        assert_eq!(group("training_single_iteration"), expected);
        assert_eq!(group("checkpoint_save_sync"), None);
    }
}

#[test]
fn the_application_may_begin_with_the_job() {
    let hour = 3600 * 1_000_000_000;
    let epoch = EPOCH * 1_000_000_000;
    let later = |nanos: u64| onelogger::Timestamp::from_unix_nanos(epoch + nanos);
    let starting = |start| {
        let provider = TrainingTelemetryProvider::new(strict()).training_config(small());
        Job::of(provider.export(SpanFilter::all()).job_start(start))
    };
    let before = onelogger::Timestamp::from_unix_nanos(epoch - hour);
    let job = starting(before);
    job.telemetry.on_app_start().unwrap();
    let recorded = job.finish();
    let application = &starts(&recorded, "application")[0];
    let start_up = &starts(&recorded, "onelogger.training.start_up")[0];
    assert_eq!(application.time_unix_nanos, epoch - hour);
    assert_eq!(start_up.time_unix_nanos, epoch - hour);
    assert_eq!(start_up.parent.map(|parent| parent.span_id), Some(application.span_id));
    let stop = recorded.0.iter().find_map(|record| match record {
        Record::Stop(span) if span.name == "onelogger.training.start_up" => Some(span),
        _ => None,
    });
    assert_eq!(stop.unwrap().time_unix_nanos, epoch);
    // What the run is was said when it was said.
    assert_eq!(recorded.told("one_logger_initialization")[0].millis, 0);

    // A clock that is ahead is not believed.
    let job = starting(later(hour));
    job.telemetry.on_app_start().unwrap();
    // And a start that the application tells is its own.
    let told = starting(before);
    told.telemetry.at(later(0)).on_app_start().unwrap();
    for job in [job, told] {
        let recorded = job.finish();
        assert_eq!(starts(&recorded, "application")[0].time_unix_nanos, epoch);
        assert!(starts(&recorded, "onelogger.training.start_up").is_empty());
    }
}

#[test]
fn spans_of_the_application_s_own_belong_to_the_interval_too() {
    let job = Job::showing_all(small().trace_shape(TraceShape::PerCheckpoint));
    job.begin();
    let epoch = job.telemetry.recorder().start("epoch").unwrap();
    job.iterate(10);
    job.telemetry.recorder().stop(&epoch).unwrap();
    job.save(1, 5);
    drop(onelogger::span!("tokenize"));
    let recorded = job.finish();
    let intervals = starts(&recorded, INTERVAL);
    for (name, interval) in [("epoch", 0), ("training_single_iteration", 0), ("tokenize", 1)] {
        assert_eq!(starts(&recorded, name)[0].trace_id, intervals[interval].trace_id, "{name}");
    }
    let parent = starts(&recorded, "tokenize")[0].parent;
    assert_eq!(parent.map(|parent| parent.span_id), Some(intervals[1].span_id));
}

#[test]
fn a_start_that_is_refused_begins_no_interval() {
    let job = Job::showing_all(small().trace_shape(TraceShape::PerCheckpoint));
    job.begin();
    let save = SpanBuilder::new("checkpoint_save_sync").with("current_iteration", "seven");
    job.telemetry.recorder().start(save).unwrap_err();
    assert!(starts(&job.finish(), INTERVAL).is_empty());
}
