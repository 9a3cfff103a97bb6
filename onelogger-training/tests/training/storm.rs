//! Threads that call everything at once, in any order.

use std::collections::HashMap;
use std::fmt::Error;
use std::time::{Duration, SystemTime};

use onelogger::recorder::RecordError;
use onelogger::{MemoryExporter, OneLoggerProvider, Record, SpanFilter, span};
use onelogger_training::{
    CheckpointStrategy, Finalizer, PhaseGuard, TraceShape, TrainStart, TrainingTelemetry,
    TrainingTelemetryProvider,
};

use crate::support::{strict, with_throughput};

/// What a thread has begun and not ended.
#[derive(Default)]
struct Begun {
    phases: Vec<PhaseGuard>,
    saves: Vec<Finalizer>,
}

/// One of all calls. No order of them may matter to the application.
fn call_something(telemetry: &TrainingTelemetry, begun: &mut Begun, chance: u64) {
    let step = (chance % 8) as i64;
    let done = match (chance >> 8) % 24 {
        0 => telemetry.on_train_start(TrainStart::at_iteration(step)).map(drop),
        1 => telemetry.on_train_end(),
        2 => telemetry.on_training_single_iteration_start().map(drop),
        3 => telemetry.on_training_single_iteration_end(),
        4 => telemetry.fail_iteration(&Error),
        5 => telemetry.on_validation_start().map(drop),
        6 => telemetry.on_validation_end(),
        7 => telemetry.training_iteration().map(|phase| begun.phases.push(phase)),
        8 => telemetry.training_loop(TrainStart::default()).map(|phase| begun.phases.push(phase)),
        9 => telemetry.checkpoint_save(step).map(|phase| begun.phases.push(phase)),
        10 if begun.phases.is_empty() => Ok(()),
        10 | 11 => {
            let place = (chance >> 16) as usize % begun.phases.len().max(1);
            if place < begun.phases.len() {
                drop(begun.phases.swap_remove(place));
            }
            Ok(())
        }
        12 => telemetry.on_save_checkpoint_start(step).map(drop),
        13 => telemetry.on_save_checkpoint_success(step),
        14 => telemetry.on_save_checkpoint_failure(step, &Error),
        15 => telemetry.on_save_checkpoint_end(),
        16 => {
            begun.saves.push(telemetry.checkpoint(step).save_async(|| ()).1);
            Ok(())
        }
        17 => {
            if let Some(save) = begun.saves.pop() {
                save.succeed();
            }
            Ok(())
        }
        18 => {
            let _ = telemetry.checkpoint(step).save(|| if step > 3 { Ok(()) } else { Err("no") });
            Ok(())
        }
        19 => {
            let _layer = span!("layer", step);
            telemetry.forward().map(drop)
        }
        20 => telemetry.work("tokens", chance),
        21 => telemetry.report_loss(f64::NAN),
        22 => telemetry.validation_iteration().map(drop),
        _ => {
            assert_eq!(telemetry.train_iter(0..2).count(), 2);
            Ok(())
        }
    };
    // Refused is right; what has panicked within a call is told as that.
    assert_ne!(done, Err(RecordError::Panicked));
}

fn storm(provider: &OneLoggerProvider, mut chance: u64) {
    let _attached = provider.attach();
    let telemetry = onelogger_training::telemetry();
    let mut begun = Begun::default();
    for _ in 0..300 {
        // What Marsaglia calls xorshift.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let earlier = SystemTime::now() - Duration::from_millis(chance % 50);
        match chance % 5 {
            0 => call_something(&telemetry.at(earlier), &mut begun, chance >> 3),
            _ => call_something(&telemetry, &mut begun, chance >> 3),
        }
    }
}

#[test]
fn calls_of_all_kinds_and_threads_harm_nobody_and_leave_a_whole_file() {
    let shapes = [TraceShape::One, TraceShape::PerIteration, TraceShape::PerCheckpoint];
    let strategies = [CheckpointStrategy::Sync, CheckpointStrategy::Async];
    for round in 0..12 {
        let training = with_throughput()
            .additions(true)
            .trace_shape(shapes[round % 3])
            .save_checkpoint_strategy(strategies[round % 2]);
        let (exporter, records) = MemoryExporter::new();
        let provider = OneLoggerProvider::new();
        let guard = TrainingTelemetryProvider::new(strict())
            .training_config(training)
            .export(SpanFilter::all())
            .exporter(exporter)
            .configure_on(&provider)
            .unwrap();
        let telemetry = TrainingTelemetry::of(provider.recorder());
        telemetry.on_app_start().unwrap();
        std::thread::scope(|scope| {
            for thread in 1..5 {
                let provider = &provider;
                scope.spawn(move || storm(provider, (round as u64 + 1) * 7919 + thread * 104_729));
            }
            if round > 8 {
                std::thread::sleep(Duration::from_millis(2));
                let _ = telemetry.on_app_end();
            }
        });
        let _ = telemetry.on_app_end();
        let health = telemetry.recorder().health();
        assert!(health.exporters[0].counts.is_balanced(), "{health:?}");
        drop(guard);
        let mut open = HashMap::new();
        for record in records.take() {
            match record {
                Record::Start(span) => drop(open.insert(span.span_id, span.name)),
                Record::Stop(span) => assert!(open.remove(&span.span_id).is_some()),
                _ => {}
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}
