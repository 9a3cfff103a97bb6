//! A step of the training, with the scopes in which its parts are measured.

use onelogger::recorder::RecordError;
use onelogger_training::TrainingTelemetry;

use super::network::Network;
use super::wines::Batch;

/// How far a step goes.
pub(crate) const RATE: f32 = 0.02;

/// Hidden layers with which a step takes about a millisecond.
pub(crate) const HIDDEN: [usize; 2] = [256, 256];

/// Wines in a step.
pub(crate) const BATCH: usize = 64;

/// Returns the loss before the step.
pub(crate) fn step(
    telemetry: &TrainingTelemetry,
    network: &mut Network,
    batch: &Batch,
) -> Result<f64, RecordError> {
    let forward = telemetry.forward()?;
    let pass = network.forward(&batch.inputs);
    forward.end()?;

    let backward = telemetry.backward()?;
    let gradient = network.backward(&pass, &batch.targets);
    backward.end()?;

    let update = telemetry.optimizer_update()?;
    network.descend(&gradient, RATE);
    update.end()?;

    let loss = pass.loss(&batch.targets);
    telemetry.report_loss(loss)?;
    telemetry.work("wines", batch.targets.len() as u64)?;
    Ok(loss)
}
