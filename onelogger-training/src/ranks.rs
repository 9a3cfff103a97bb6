use std::sync::{Arc, Once};
use std::{env, fmt};

use onelogger::{Timestamp, diagnostics};

/// Which of the processes of a job this is.
///
/// ```
/// use onelogger_training::Ranks;
/// let of = |name: &str| match name {
///     "SLURM_PROCID" => Some("9".to_owned()),
///     "SLURM_STEP_NUM_TASKS" => Some("16".to_owned()),
///     "SLURM_LOCALID" => Some("1".to_owned()),
///     "SLURM_NODEID" => Some("1".to_owned()),
///     _ => None,
/// };
/// let ranks = Ranks::from_variables(of).unwrap();
/// assert_eq!((ranks.rank, ranks.world_size), (9, 16));
/// assert_eq!((ranks.node_rank, ranks.local_rank), (Some(1), Some(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// The number of this process, from 0.
    pub rank: u32,
    /// How many processes there are.
    pub world_size: u32,
    /// The number of this process among those of its node.
    pub local_rank: Option<u32>,
    /// The number of the node.
    pub node_rank: Option<u32>,
}

/// Which ranks record. The others are silent.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum RecordingRanks {
    /// Each of them.
    #[default]
    All,
    /// The first one.
    First,
    /// The last one, which in pipeline parallelism knows the loss.
    Last,
    /// The first one of each node; where the numbers within nodes are not known, the first one.
    FirstOfNode,
    /// So many of them, evenly spread from the first one on; all where there are no more.
    Sample(u32),
    /// Those for which a function says so; see [`RecordingRanks::chosen_by`].
    Chosen(Arc<dyn Fn(&Ranks) -> bool + Send + Sync>),
}

impl RecordingRanks {
    /// Those that a function chooses, which must say the same on every rank.
    ///
    /// ```
    /// use onelogger_training::{Ranks, RecordingRanks};
    /// let ranks_of_a_stage = 8;
    /// let recording = RecordingRanks::chosen_by(move |ranks| ranks.rank % ranks_of_a_stage == 0);
    /// let ranks = Ranks { rank: 16, world_size: 32, local_rank: None, node_rank: None };
    /// assert!(ranks.records(&recording));
    /// ```
    pub fn chosen_by(records: impl Fn(&Ranks) -> bool + Send + Sync + 'static) -> RecordingRanks {
        RecordingRanks::Chosen(Arc::new(records))
    }
}

impl fmt::Debug for RecordingRanks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordingRanks::All => f.write_str("All"),
            RecordingRanks::First => f.write_str("First"),
            RecordingRanks::Last => f.write_str("Last"),
            RecordingRanks::FirstOfNode => f.write_str("FirstOfNode"),
            RecordingRanks::Sample(count) => f.debug_tuple("Sample").field(count).finish(),
            RecordingRanks::Chosen(_) => f.write_str("Chosen(..)"),
        }
    }
}

/// When the job has begun, as far as the environment tells: Slurm does, by `SLURM_JOB_START_TIME`. `None` in
/// a worker that torchrun has started anew (`TORCHELASTIC_RESTART_COUNT`): it has not begun with the job. Where
/// something else starts the program again within a job, a loop of a shell for instance, do not use this.
pub fn job_start() -> Option<Timestamp> {
    job_start_of(|name| env::var(name).ok())
}

fn job_start_of(variable: impl Fn(&str) -> Option<String>) -> Option<Timestamp> {
    let restarts =
        variable("TORCHELASTIC_RESTART_COUNT").and_then(|count| count.trim().parse().ok());
    let is_first = restarts.is_none_or(|restarts: u32| restarts == 0);
    unix_seconds(&variable("SLURM_JOB_START_TIME").filter(|_| is_first)?)
}

fn unix_seconds(text: &str) -> Option<Timestamp> {
    let nanos = text.trim().parse::<u64>().ok()?.checked_mul(1_000_000_000)?;
    Some(Timestamp::from_unix_nanos(nanos))
}

/// The variables of a launcher: rank, world size, local rank, node rank.
type Launcher = [&'static [&'static str]; 4];

/// Those who start jobs. What is set by hand, or by torchrun, comes first, and then Open MPI: both may run
/// within an allocation of Slurm, beneath tasks of it that are no ranks.
///
/// Only the tasks of a step have `SLURM_STEP_NUM_TASKS`. The script of a batch job has a `SLURM_PROCID` of 0
/// and the `SLURM_NTASKS` of its allocation as well, and is none of these tasks.
const LAUNCHERS: [Launcher; 4] = [
    [&["RANK"], &["WORLD_SIZE"], &["LOCAL_RANK"], &["GROUP_RANK", "NODE_RANK"]],
    // What Open MPI calls a node rank is the number of a process within its node.
    [&["OMPI_COMM_WORLD_RANK"], &["OMPI_COMM_WORLD_SIZE"], &["OMPI_COMM_WORLD_LOCAL_RANK"], &[]],
    [&["SLURM_PROCID"], &["SLURM_STEP_NUM_TASKS"], &["SLURM_LOCALID"], &["SLURM_NODEID"]],
    [&["PMI_RANK"], &["PMI_SIZE"], &["MPI_LOCALRANKID"], &[]],
];

impl Ranks {
    /// What the environment says, as torchrun, Open MPI, Slurm (`srun`) and MPICH set it. `None` where there
    /// is no rank with a world that it fits into. A variable of these that is no number is passed over; a
    /// warning says so, once in the process, and what is assumed.
    pub fn from_environment() -> Option<Ranks> {
        static WARNING: Once = Once::new();
        let variable = |name: &str| env::var(name).ok();
        let ranks = Ranks::from_variables(variable);
        if let Some(warning) = warning(variable, ranks) {
            WARNING.call_once(|| diagnostics::warn(format_args!("{warning}")));
        }
        ranks
    }

    /// What an environment says of which this function knows the variables.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Ranks> {
        let number = |names: &[&str]| names.iter().find_map(|name| as_number(&variable(name)?));
        LAUNCHERS.iter().find_map(|[rank, world_size, local_rank, node_rank]| {
            let (rank, world_size) = (number(rank)?, number(world_size)?);
            (rank < world_size).then(|| Ranks {
                rank,
                world_size,
                local_rank: number(local_rank),
                node_rank: number(node_rank),
            })
        })
    }

    /// Whether this process is among those that record.
    pub fn records(&self, recording: &RecordingRanks) -> bool {
        match recording {
            RecordingRanks::All => true,
            RecordingRanks::First => self.rank == 0,
            RecordingRanks::Last => self.rank.checked_add(1) == Some(self.world_size),
            RecordingRanks::FirstOfNode => self.local_rank.unwrap_or(self.rank) == 0,
            RecordingRanks::Sample(count) => {
                // The world is cut into so many pieces, and the first rank of each records.
                // A world of no ranks is for the configuration to refuse.
                let (count, world_size) = (u64::from(*count), u64::from(self.world_size.max(1)));
                let piece = |rank: u64| (rank * count).div_ceil(world_size);
                piece(u64::from(self.rank)) < piece(u64::from(self.rank) + 1)
            }
            RecordingRanks::Chosen(records) => records(self),
        }
    }
}

fn as_number(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}

/// What there is to say of variables that are no numbers, where `ranks` were found.
fn warning(variable: impl Fn(&str) -> Option<String>, ranks: Option<Ranks>) -> Option<String> {
    let names = LAUNCHERS.iter().flatten().copied().flatten();
    let wrong = names.filter_map(|name| {
        let text = variable(name).filter(|text| as_number(text).is_none())?;
        Some(format!("`{name}` is `{text}`"))
    });
    let wrong: Vec<_> = wrong.collect();
    let assumed = match ranks {
        Some(Ranks { rank, world_size, .. }) => {
            format!("this is taken for rank {rank} of {world_size}")
        }
        None => "which rank this is counts as unknown".to_owned(),
    };
    let wrong = wrong.join(", ");
    (!wrong.is_empty()).then(|| format!("{wrong}, which is no number; {assumed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: Option<(u32, u32, Option<u32>, Option<u32>)>) {
        let of = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let expected = expected.map(|(rank, world_size, local_rank, node_rank)| Ranks {
            rank,
            world_size,
            local_rank,
            node_rank,
        });
        assert_eq!(Ranks::from_variables(of), expected, "{variables:?}");
    }

    #[test]
    fn each_launcher_is_understood() {
        let torchrun =
            [("RANK", "3"), ("WORLD_SIZE", "8"), ("LOCAL_RANK", "1"), ("GROUP_RANK", "1")];
        check(&torchrun, Some((3, 8, Some(1), Some(1))));
        let mpi = [
            ("OMPI_COMM_WORLD_RANK", "2"),
            ("OMPI_COMM_WORLD_SIZE", "4"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "0"),
            ("OMPI_COMM_WORLD_NODE_RANK", "0"),
        ];
        check(&mpi, Some((2, 4, Some(0), None)));
        check(&[("PMI_RANK", "0"), ("PMI_SIZE", "2")], Some((0, 2, None, None)));
    }

    #[test]
    fn only_what_srun_has_started_is_a_task_of_slurm() {
        let script = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8"), ("SLURM_LOCALID", "0")];
        check(&script, None);
        let task = [("SLURM_PROCID", "3"), ("SLURM_NTASKS", "8"), ("SLURM_STEP_NUM_TASKS", "4")];
        check(&task, Some((3, 4, None, None)));
        // Open MPI starts a daemon on each node as a task, and these start the ranks.
        let beneath_a_daemon = [
            ("SLURM_PROCID", "1"),
            ("SLURM_STEP_NUM_TASKS", "2"),
            ("OMPI_COMM_WORLD_RANK", "5"),
            ("OMPI_COMM_WORLD_SIZE", "8"),
        ];
        check(&beneath_a_daemon, Some((5, 8, None, None)));
    }

    #[test]
    fn torchrun_within_slurm_is_torchrun() {
        let both = [
            ("SLURM_PROCID", "0"),
            ("SLURM_STEP_NUM_TASKS", "2"),
            ("RANK", "9"),
            ("WORLD_SIZE", "16"),
        ];
        check(&both, Some((9, 16, None, None)));
    }

    #[test]
    fn p38_what_makes_no_sense_is_not_believed() {
        check(&[("RANK", "first"), ("WORLD_SIZE", "8")], None);
        check(&[("RANK", "8"), ("WORLD_SIZE", "8")], None);
        check(&[("RANK", "-1"), ("WORLD_SIZE", "8")], None);
        check(&[("RANK", "0"), ("WORLD_SIZE", "0")], None);
        // A shell within an allocation is no task of it.
        check(&[("SLURM_NTASKS", "8"), ("RANK", "1")], None);
    }

    #[test]
    fn p38_what_is_no_number_is_named_with_what_is_assumed() {
        let said = |variables: &[(&str, &str)]| {
            let of = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            warning(of, Ranks::from_variables(of))
        };
        let alone = said(&[("RANK", "abc"), ("WORLD_SIZE", "8")]).unwrap();
        assert!(alone.contains("`RANK` is `abc`") && alone.ends_with("unknown"), "{alone}");
        let task = [("SLURM_PROCID", "3"), ("SLURM_STEP_NUM_TASKS", "4")];
        let in_slurm = said(&[("RANK", ""), task[0], task[1]]).unwrap();
        assert!(in_slurm.ends_with("rank 3 of 4"), "{in_slurm}");
        assert_eq!(said(&task), None);
    }

    #[test]
    fn who_records_is_a_question_of_rank() {
        let records = |rank, local_rank| {
            let ranks = Ranks { rank, world_size: 4, local_rank, node_rank: None };
            [RecordingRanks::First, RecordingRanks::Last, RecordingRanks::FirstOfNode]
                .map(|recording| ranks.records(&recording))
        };
        assert_eq!(records(0, Some(0)), [true, false, true]);
        assert_eq!(records(2, Some(0)), [false, false, true]);
        assert_eq!(records(3, None), [false, true, false]);
    }

    #[test]
    fn a_sample_is_of_the_size_asked_for_and_spread() {
        let sample = |count, world_size| -> Vec<u32> {
            let recording = RecordingRanks::Sample(count);
            let of = |rank| Ranks { rank, world_size, local_rank: None, node_rank: None };
            (0..world_size).filter(|&rank| of(rank).records(&recording)).collect()
        };
        assert_eq!(sample(2, 8), [0, 4]);
        assert_eq!(sample(3, 8), [0, 2, 5]);
        assert_eq!(sample(9, 8), (0..8).collect::<Vec<_>>());
        assert_eq!(sample(1, 8), [0]);
        assert!(sample(0, 8).is_empty());
        assert!((1..=100).all(|count| sample(count, 100).len() == count as usize));
        assert_eq!(sample(1000, 100_000).len(), 1000);
    }

    #[test]
    fn a_worker_that_was_started_anew_has_not_begun_with_the_job() {
        let start = |restarts: Option<&str>| {
            job_start_of(|name| match name {
                "SLURM_JOB_START_TIME" => Some("1700000000".to_owned()),
                "TORCHELASTIC_RESTART_COUNT" => restarts.map(str::to_owned),
                _ => None,
            })
        };
        assert!([None, Some("0"), Some("")].into_iter().all(|restarts| start(restarts).is_some()));
        assert_eq!(start(Some("2")), None);
    }

    #[test]
    fn p38_a_start_that_is_no_number_is_not_believed() {
        assert_eq!(unix_seconds("1700000000\n").unwrap().unix_nanos, 1_700_000_000_000_000_000);
        assert!(unix_seconds("").is_none() && unix_seconds("-1").is_none());
        assert!(unix_seconds("99999999999999").is_none());
    }
}
