//! The host.

use onelogger::Attributes;

use super::surroundings::Surroundings;
use crate::names::semantic;

pub(super) fn detect(surroundings: &Surroundings<'_>) -> Attributes {
    let mut found = Attributes::from([(semantic::HOST_ARCH, architecture(std::env::consts::ARCH))]);
    let name = surroundings.word("proc/sys/kernel/hostname");
    let name = name.or_else(|| surroundings.any_variable(&["HOSTNAME", "COMPUTERNAME"]));
    if let Some(name) = name {
        found.set(semantic::HOST_NAME, name);
    }
    if let Some(id) = id(surroundings) {
        found.set(semantic::HOST_ID, id);
    }
    found
}

/// OpenTelemetry's word for what the compiler calls otherwise.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        name => name,
    }
}

/// The id of the installation. An image that waits for its first start has the word
/// `uninitialized` there, or nothing.
fn id(surroundings: &Surroundings<'_>) -> Option<String> {
    let is_id = |id: &String| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let files = ["etc/machine-id", "var/lib/dbus/machine-id"];
    files.iter().find_map(|path| surroundings.word(path).filter(is_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::surroundings::Fixture;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_host_has_a_name_and_an_id() {
        let fixture = Fixture::new()
            .file("proc/sys/kernel/hostname", "node-7\n")
            .file("etc/machine-id", format!("{ID}\n"))
            .variable("HOSTNAME", "another");
        let found = detect(&fixture.surroundings());
        assert_eq!(found.get_str("host.name"), Ok(Some("node-7")));
        assert_eq!(found.get_str("host.id"), Ok(Some(ID)));
        assert!(found.get("host.arch").is_some());
    }

    #[test]
    fn the_environment_and_the_second_file_stand_in() {
        let fixture = Fixture::new()
            .file("etc/machine-id", "uninitialized\n")
            .file("var/lib/dbus/machine-id", ID)
            .variable("HOSTNAME", "node-8");
        let found = detect(&fixture.surroundings());
        assert_eq!(found.get_str("host.name"), Ok(Some("node-8")));
        assert_eq!(found.get_str("host.id"), Ok(Some(ID)));
    }

    #[test]
    fn an_id_that_is_none_is_not_told() {
        for contents in ["", "uninitialized", "0123", "0123456789abcdef0123456789abcdeg"] {
            let fixture = Fixture::new().file("etc/machine-id", contents);
            assert_eq!(id(&fixture.surroundings()), None, "{contents}");
        }
    }

    #[test]
    fn architectures_have_opentelemetry_s_names() {
        for (ours, theirs) in [("x86_64", "amd64"), ("aarch64", "arm64"), ("s390x", "s390x")] {
            assert_eq!(architecture(ours), theirs);
        }
    }
}
