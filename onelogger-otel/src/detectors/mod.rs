//! What can be found out about whoever produces the telemetry: process, host, container, job.
//!
//! Each [`Detector`] looks at the environment and at small files of the system, makes no network
//! call, and says nothing where it knows nothing: a file that is missing, unreadable or strange is no
//! error. What is found has OpenTelemetry's names, or ours ([`names`](crate::names)) where it has
//! none.
//!
//! ```
//! use onelogger_otel::detectors::{Detector, detect};
//!
//! let found = detect(Detector::DEFAULT);
//! assert_eq!(found.get_i64("process.pid")?, Some(std::process::id().into()));
//! # Ok::<(), onelogger::AttributeTypeError>(())
//! ```

mod container;
mod host;
mod kubernetes;
mod launcher;
mod operating_system;
mod process;
mod surroundings;

use std::path::Path;

use onelogger::Attributes;

use self::surroundings::Surroundings;

/// Something that can be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Detector {
    /// `telemetry.sdk.*`: this library.
    TelemetrySdk,
    /// `os.*`: type, name, version and description, as the system describes itself in `os-release`.
    OperatingSystem,
    /// `host.*`: name, architecture and, from `machine-id`, the id.
    Host,
    /// `process.*`: its id and its parent's, executable, owner, and what it was compiled with.
    Process,
    /// `process.command` and `process.command_args`: up to 64 arguments, which may hold secrets. Not
    /// among the [default](Detector::DEFAULT) ones.
    ProcessCommand,
    /// `container.id`, from the control groups or the mounts of the process.
    ///
    /// Says nothing on Kubernetes, where a collector knows it better, unless the environment
    /// variable `_OTEL_ENABLE_CONTAINER_RESOURCE_DETECTOR` is `true`. If that is `false` it never
    /// says anything.
    Container,
    /// `k8s.*`: pod, namespace, node, container, cluster and deployment, from variables that a pod
    /// gets through the downward API: `K8S_POD_NAME` and the like, on Kubernetes also `POD_NAME` and
    /// the like.
    Kubernetes,
    /// `onelogger.slurm.*` of a job, and `onelogger.rank` and the like of a task that `srun` has
    /// started.
    Slurm,
    /// `onelogger.torchrun.*`, and `onelogger.rank` and the like of a process that torchrun has
    /// started. It counts for more than [`Slurm`](Detector::Slurm): where both are, a task of Slurm
    /// is a whole node.
    Torchrun,
}

impl Detector {
    /// Every detector.
    pub const ALL: [Detector; 9] = [
        Detector::TelemetrySdk,
        Detector::OperatingSystem,
        Detector::Host,
        Detector::Process,
        Detector::ProcessCommand,
        Detector::Container,
        Detector::Kubernetes,
        Detector::Slurm,
        Detector::Torchrun,
    ];

    /// Those that tell no secrets: all but [`ProcessCommand`](Detector::ProcessCommand).
    pub const DEFAULT: [Detector; 8] = [
        Detector::TelemetrySdk,
        Detector::OperatingSystem,
        Detector::Host,
        Detector::Process,
        Detector::Container,
        Detector::Kubernetes,
        Detector::Slurm,
        Detector::Torchrun,
    ];

    /// What it is called in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Detector::TelemetrySdk => "sdk",
            Detector::OperatingSystem => "os",
            Detector::Host => "host",
            Detector::Process => "process",
            Detector::ProcessCommand => "process_command",
            Detector::Container => "container",
            Detector::Kubernetes => "k8s",
            Detector::Slurm => "slurm",
            Detector::Torchrun => "torchrun",
        }
    }

    /// The detector of this name, in upper or lower case.
    pub fn from_name(name: &str) -> Option<Detector> {
        let name = name.trim();
        Detector::ALL.into_iter().find(|detector| detector.name().eq_ignore_ascii_case(name))
    }
}

/// What these detectors find out, whatever their order. Reads a dozen small files at most: call it
/// once, when a program starts.
pub fn detect(detectors: impl IntoIterator<Item = Detector>) -> Attributes {
    let variable = |name: &str| std::env::var(name).ok();
    detect_in(&Surroundings::new(&variable, Path::new("/")), detectors)
}

fn detect_in(
    surroundings: &Surroundings<'_>,
    detectors: impl IntoIterator<Item = Detector>,
) -> Attributes {
    let mut detectors: Vec<Detector> = detectors.into_iter().collect();
    // Those that count for more come later.
    detectors.sort_unstable();
    detectors.dedup();
    let mut all = Attributes::new();
    for detector in detectors {
        all.merge(match detector {
            Detector::TelemetrySdk => crate::resource::sdk(),
            Detector::OperatingSystem => operating_system::detect(surroundings),
            Detector::Host => host::detect(surroundings),
            Detector::Process => process::detect(surroundings),
            Detector::ProcessCommand => process::command(std::env::args_os()),
            Detector::Container => container::detect(surroundings),
            Detector::Kubernetes => kubernetes::detect(surroundings),
            Detector::Slurm => launcher::slurm(surroundings),
            Detector::Torchrun => launcher::torchrun(surroundings),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::surroundings::Fixture;
    use crate::names::resource;

    #[test]
    fn nothing_is_said_where_nothing_is_known() {
        let fixture = Fixture::new();
        let found = detect_in(&fixture.surroundings(), Detector::DEFAULT);
        let names: Vec<_> = found.iter().map(|(name, _)| name.to_string()).collect();
        let about_files = ["container.", "k8s.", "onelogger.", "host.name", "host.id", "os.name"];
        for begin in about_files {
            assert!(!names.iter().any(|name| name.starts_with(begin)), "{begin}: {names:?}");
        }
        assert_eq!(detect_in(&fixture.surroundings(), []), Attributes::new());
    }

    #[test]
    fn torchrun_counts_for_more_than_slurm_in_any_order() {
        let fixture = Fixture::new()
            .variable("SLURM_PROCID", "1")
            .variable("SLURM_NTASKS", "2")
            .variable("RANK", "9")
            .variable("WORLD_SIZE", "16");
        for order in [[Detector::Slurm, Detector::Torchrun], [Detector::Torchrun, Detector::Slurm]]
        {
            let found = detect_in(&fixture.surroundings(), order);
            assert_eq!(found.get_i64(resource::RANK), Ok(Some(9)));
            assert_eq!(found.get_i64(resource::WORLD_SIZE), Ok(Some(16)));
        }
    }
}
