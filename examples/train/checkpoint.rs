//! Checkpoints on the disk: the parameters of a network, one file for each step.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::network::Network;

const EXTENSION: &str = "checkpoint";

fn path(directory: &Path, step: usize) -> PathBuf {
    directory.join(format!("{step:08}.{EXTENSION}"))
}

/// Writes a checkpoint and returns how many bytes it has. One that is not written to its end is none.
pub(crate) fn write(directory: &Path, step: usize, network: &mut Network) -> io::Result<u64> {
    let bytes: Vec<u8> = network.parameters().flat_map(|value| value.to_le_bytes()).collect();
    let path = path(directory, step);
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, &bytes)?;
    fs::rename(unfinished, path)?;
    Ok(bytes.len() as u64)
}

/// The last step of which there is a checkpoint.
pub(crate) fn latest(directory: &Path) -> io::Result<Option<usize>> {
    let mut latest = None;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            let step = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            latest = latest.max(step);
        }
    }
    Ok(latest)
}

/// Gives a network of the same shape the parameters of a checkpoint.
pub(crate) fn read(directory: &Path, step: usize, network: &mut Network) -> io::Result<()> {
    let bytes = fs::read(path(directory, step))?;
    let (values, rest) = bytes.as_chunks::<4>();
    if values.len() != network.parameters().count() || !rest.is_empty() {
        return Err(io::Error::new(ErrorKind::InvalidData, "the checkpoint is of another network"));
    }
    for (parameter, value) in network.parameters().zip(values) {
        *parameter = f32::from_le_bytes(*value);
    }
    Ok(())
}
