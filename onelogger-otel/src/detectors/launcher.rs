//! Who has started this process as one of many: Slurm, torchrun.

use onelogger::Attributes;

use super::surroundings::Surroundings;
use crate::names::resource;

/// The job, and for a task that `srun` has started which of how many it is. A shell within an
/// allocation knows the size of the job as well, and is no task of it.
pub(super) fn slurm(surroundings: &Surroundings<'_>) -> Attributes {
    let texts = [
        (resource::SLURM_JOB_ID, "SLURM_JOB_ID"),
        (resource::SLURM_JOB_NAME, "SLURM_JOB_NAME"),
        (resource::SLURM_STEP_ID, "SLURM_STEP_ID"),
        (resource::SLURM_ARRAY_JOB_ID, "SLURM_ARRAY_JOB_ID"),
        (resource::SLURM_ARRAY_TASK_ID, "SLURM_ARRAY_TASK_ID"),
        (resource::SLURM_CLUSTER_NAME, "SLURM_CLUSTER_NAME"),
        (resource::SLURM_PARTITION, "SLURM_JOB_PARTITION"),
        (resource::SLURM_NODE_NAME, "SLURMD_NODENAME"),
    ];
    let mut found = Attributes::new();
    set_texts(&mut found, surroundings, &texts);
    set_number(&mut found, surroundings, resource::SLURM_RESTART_COUNT, &["SLURM_RESTART_COUNT"]);
    if surroundings.number("SLURM_PROCID").is_some() {
        let numbers: [(_, &[_]); 5] = [
            (resource::RANK, &["SLURM_PROCID"]),
            (resource::WORLD_SIZE, &["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"]),
            (resource::LOCAL_RANK, &["SLURM_LOCALID"]),
            (resource::NODE_RANK, &["SLURM_NODEID"]),
            (resource::NODE_COUNT, &["SLURM_STEP_NUM_NODES", "SLURM_NNODES"]),
        ];
        for (name, variables) in numbers {
            set_number(&mut found, surroundings, name, variables);
        }
    }
    found
}

/// The run, and which of how many processes this is.
pub(super) fn torchrun(surroundings: &Surroundings<'_>) -> Attributes {
    let numbers = [
        (resource::RANK, "RANK"),
        (resource::WORLD_SIZE, "WORLD_SIZE"),
        (resource::LOCAL_RANK, "LOCAL_RANK"),
        (resource::LOCAL_WORLD_SIZE, "LOCAL_WORLD_SIZE"),
        (resource::NODE_RANK, "GROUP_RANK"),
        (resource::NODE_COUNT, "GROUP_WORLD_SIZE"),
        (resource::TORCHRUN_RESTART_COUNT, "TORCHELASTIC_RESTART_COUNT"),
    ];
    let mut found = Attributes::new();
    let run_id = [(resource::TORCHRUN_RUN_ID, "TORCHELASTIC_RUN_ID")];
    set_texts(&mut found, surroundings, &run_id);
    for (name, variable) in numbers {
        set_number(&mut found, surroundings, name, &[variable]);
    }
    found
}

fn set_texts(
    found: &mut Attributes,
    surroundings: &Surroundings<'_>,
    texts: &[(&'static str, &str)],
) {
    for (name, variable) in texts {
        if let Some(text) = surroundings.variable(variable) {
            found.set(*name, text);
        }
    }
}

fn set_number(
    found: &mut Attributes,
    surroundings: &Surroundings<'_>,
    name: &'static str,
    variables: &[&str],
) {
    if let Some(number) = variables.iter().find_map(|variable| surroundings.number(variable)) {
        found.set(name, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::surroundings::Fixture;

    #[test]
    fn a_task_of_slurm_knows_its_job_and_its_rank() {
        let fixture = Fixture::new()
            .variable("SLURM_JOB_ID", "4711")
            .variable("SLURM_JOB_NAME", "train")
            .variable("SLURM_STEP_ID", "0")
            .variable("SLURM_CLUSTER_NAME", "blue")
            .variable("SLURM_JOB_PARTITION", "gpu")
            .variable("SLURMD_NODENAME", "node-7")
            .variable("SLURM_RESTART_COUNT", "1")
            .variable("SLURM_PROCID", "9")
            .variable("SLURM_NTASKS", "99")
            .variable("SLURM_STEP_NUM_TASKS", "16")
            .variable("SLURM_LOCALID", "1")
            .variable("SLURM_NODEID", "1")
            .variable("SLURM_NNODES", "2");
        let expected = Attributes::new()
            .with("onelogger.slurm.job_id", "4711")
            .with("onelogger.slurm.job_name", "train")
            .with("onelogger.slurm.step_id", "0")
            .with("onelogger.slurm.cluster_name", "blue")
            .with("onelogger.slurm.partition", "gpu")
            .with("onelogger.slurm.node_name", "node-7")
            .with("onelogger.slurm.restart_count", 1)
            .with("onelogger.rank", 9)
            .with("onelogger.world_size", 16)
            .with("onelogger.local_rank", 1)
            .with("onelogger.node_rank", 1)
            .with("onelogger.node_count", 2);
        assert_eq!(slurm(&fixture.surroundings()), expected);
    }

    #[test]
    fn a_shell_in_an_allocation_is_no_task() {
        let fixture = Fixture::new()
            .variable("SLURM_JOB_ID", "4711_[1-4%2]")
            .variable("SLURM_NTASKS", "16")
            .variable("SLURM_PROCID", "first");
        let expected = Attributes::from([("onelogger.slurm.job_id", "4711_[1-4%2]")]);
        assert_eq!(slurm(&fixture.surroundings()), expected);
    }

    #[test]
    fn a_process_of_torchrun_knows_its_run_and_its_rank() {
        let fixture = Fixture::new()
            .variable("TORCHELASTIC_RUN_ID", "run-1")
            .variable("TORCHELASTIC_RESTART_COUNT", "0")
            .variable("RANK", "9")
            .variable("WORLD_SIZE", "16")
            .variable("LOCAL_RANK", "1")
            .variable("LOCAL_WORLD_SIZE", "8")
            .variable("GROUP_RANK", "1")
            .variable("GROUP_WORLD_SIZE", "2");
        let expected = Attributes::new()
            .with("onelogger.torchrun.run_id", "run-1")
            .with("onelogger.rank", 9)
            .with("onelogger.world_size", 16)
            .with("onelogger.local_rank", 1)
            .with("onelogger.local_world_size", 8)
            .with("onelogger.node_rank", 1)
            .with("onelogger.node_count", 2)
            .with("onelogger.torchrun.restart_count", 0);
        assert_eq!(torchrun(&fixture.surroundings()), expected);
    }
}
