//! The process.

use std::ffi::OsString;

use onelogger::Attributes;

use super::surroundings::Surroundings;
use crate::names::semantic;

/// How many arguments are told, and how many bytes of each.
const MAX_ARGUMENTS: usize = 64;
const ARGUMENT_BYTES: usize = 512;

pub(super) fn detect(surroundings: &Surroundings<'_>) -> Attributes {
    let mut found = Attributes::from([(semantic::PROCESS_PID, i64::from(std::process::id()))]);
    #[cfg(unix)]
    {
        let parent = i64::from(std::os::unix::process::parent_id());
        found.set(semantic::PROCESS_PARENT_PID, parent);
    }
    if let Ok(executable) = std::env::current_exe() {
        if let Some(name) = executable.file_name() {
            found.set(semantic::PROCESS_EXECUTABLE_NAME, &*name.to_string_lossy());
        }
        found.set(semantic::PROCESS_EXECUTABLE_PATH, &*executable.to_string_lossy());
    }
    if let Some(owner) = owner(surroundings) {
        found.set(semantic::PROCESS_OWNER, owner);
    }
    found.set(semantic::PROCESS_RUNTIME_NAME, "rustc");
    if let Some(version) = option_env!("ONELOGGER_RUSTC_VERSION") {
        found.set(semantic::PROCESS_RUNTIME_VERSION, version);
    }
    found
}

/// The name of the user: that which the system has for the user's number, else that of the session.
fn owner(surroundings: &Surroundings<'_>) -> Option<String> {
    let by_number = || {
        let status = surroundings.file("proc/self/status")?;
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        let number = ids.split_whitespace().next()?;
        let users = surroundings.file("etc/passwd")?;
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            (fields.nth(1)? == number).then(|| name.to_owned())
        })
    };
    by_number().or_else(|| surroundings.any_variable(&["USER", "LOGNAME", "USERNAME"]))
}

/// The command line.
pub(super) fn command(arguments: impl IntoIterator<Item = OsString>) -> Attributes {
    let cut = |argument: OsString| {
        let mut argument = argument.to_string_lossy().into_owned();
        argument.truncate(argument.floor_char_boundary(ARGUMENT_BYTES));
        argument
    };
    let arguments: Vec<String> = arguments.into_iter().take(MAX_ARGUMENTS).map(cut).collect();
    let mut found = Attributes::new();
    if let Some(command) = arguments.first() {
        found.set(semantic::PROCESS_COMMAND, command);
        found.set(semantic::PROCESS_COMMAND_ARGS, arguments);
    }
    found
}

#[cfg(test)]
mod tests {
    use onelogger::Value;

    use super::*;
    use crate::detectors::surroundings::Fixture;

    const STATUS: &str = "Name:\tjob\nUid:\t1000\t1000\t1000\t1000\nGid:\t5\t5\t5\t5\n";

    #[test]
    fn the_owner_is_the_user_of_this_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\n:::\nada:x:1000:1000::/ada:/bin/sh\n";
        let fixture = Fixture::new().file("proc/self/status", STATUS).file("etc/passwd", users);
        let fixture = fixture.variable("USER", "another");
        assert_eq!(owner(&fixture.surroundings()).as_deref(), Some("ada"));

        // A user whom a directory service knows.
        let fixture = Fixture::new().file("proc/self/status", STATUS);
        let fixture = fixture.file("etc/passwd", "root:x:0:0").variable("USER", "grace");
        assert_eq!(owner(&fixture.surroundings()).as_deref(), Some("grace"));

        let fixture = Fixture::new().file("proc/self/status", [0xff, 0x00, b'U', b'i', b'd', b':']);
        assert_eq!(owner(&fixture.surroundings()), None);
    }

    #[test]
    fn the_process_knows_itself() {
        let found = detect(&Fixture::new().surroundings());
        assert_eq!(found.get_i64("process.pid"), Ok(Some(i64::from(std::process::id()))));
        let path = found.get_str("process.executable.path").unwrap().unwrap();
        let name = found.get_str("process.executable.name").unwrap().unwrap();
        assert!(path.ends_with(name) && name.len() < path.len(), "{path} {name}");
        let version = found.get_str("process.runtime.version").unwrap().unwrap();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        assert!(major.is_some(), "{version}");
        assert!(found.get("process.command").is_none() && found.get("process.owner").is_none());
    }

    #[test]
    fn a_command_line_is_told_as_far_as_it_is_reasonable() {
        let all = ["job".to_owned(), "ä".repeat(1000)];
        let all = all.into_iter().chain((0..100).map(|index| index.to_string()));
        let found = command(all.map(OsString::from));
        assert_eq!(found.get_str("process.command"), Ok(Some("job")));
        let Some(Value::StringList(told)) = found.get("process.command_args") else {
            panic!("{found:?}");
        };
        assert_eq!((told.len(), told[1].len()), (64, 512));
        assert!(command([]).is_empty());
    }
}
