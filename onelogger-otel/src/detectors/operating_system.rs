//! The operating system.

use onelogger::Attributes;

use super::surroundings::Surroundings;
use crate::names::semantic;

pub(super) fn detect(surroundings: &Surroundings<'_>) -> Attributes {
    let mut found = Attributes::from([(semantic::OS_TYPE, kind(std::env::consts::OS))]);
    let files = ["etc/os-release", "usr/lib/os-release"];
    let Some(release) = files.iter().find_map(|path| surroundings.file(path)) else {
        return found;
    };
    let known = [
        ("NAME", semantic::OS_NAME),
        ("VERSION_ID", semantic::OS_VERSION),
        ("PRETTY_NAME", semantic::OS_DESCRIPTION),
    ];
    for (key, name) in known {
        let value =
            release.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        if let Some(value) = value.map(unquote).filter(|value| !value.is_empty()) {
            found.set(name, value);
        }
    }
    found
}

/// OpenTelemetry's word for what the compiler calls otherwise.
fn kind(name: &str) -> &str {
    match name {
        "macos" | "ios" => "darwin",
        "dragonfly" => "dragonflybsd",
        name => name,
    }
}

/// A value as a shell reads it: in quotes of either kind, or in none.
fn unquote(value: &str) -> String {
    let value = value.trim();
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)));
    let mut text = String::new();
    let mut characters = inner.unwrap_or(value).chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::surroundings::Fixture;

    #[track_caller]
    fn check(contents: &[u8], expected: &[(&'static str, &'static str)]) {
        let fixture = Fixture::new().file("etc/os-release", contents);
        let mut found = detect(&fixture.surroundings());
        assert!(found.remove("os.type").is_some());
        assert_eq!(found, expected.iter().copied().collect::<Attributes>());
    }

    #[test]
    fn a_system_describes_itself() {
        let debian = b"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n\
                       VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n";
        let expected = [
            ("os.name", "Debian GNU/Linux"),
            ("os.version", "12"),
            ("os.description", "Debian GNU/Linux 12 (bookworm)"),
        ];
        check(debian, &expected);
        let other = b"# comment\n  NAME='A \\\"B\\\"'\nVERSION_ID=3.20\nPRETTY_NAME=\n";
        check(other, &[("os.name", "A \"B\""), ("os.version", "3.20")]);
    }

    #[test]
    fn a_description_that_is_none_is_not_told() {
        check(b"", &[]);
        check(b"NAME\nVERSION_ID\n=\n\"", &[]);
        check(b"NAME=\"", &[("os.name", "\"")]);
        check(&[0xff; 100], &[]);
    }

    #[test]
    fn the_second_file_stands_in() {
        let fixture = Fixture::new().file("usr/lib/os-release", "NAME=Alpine");
        assert_eq!(detect(&fixture.surroundings()).get_str("os.name"), Ok(Some("Alpine")));
    }

    #[test]
    fn systems_have_opentelemetry_s_names() {
        for (ours, theirs) in [("linux", "linux"), ("macos", "darwin"), ("windows", "windows")] {
            assert_eq!(kind(ours), theirs);
        }
    }
}
