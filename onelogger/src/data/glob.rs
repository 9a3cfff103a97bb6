//! Patterns for names.

/// Whether a whole name matches a pattern in which `*` stands for any characters, and `?` for one.
///
/// Takes time in proportion to the product of both lengths, whatever the pattern, and no memory.
pub(crate) fn matches(glob: &str, name: &str) -> bool {
    let (mut glob, mut name) = (glob.chars(), name.chars());
    // Where to go on if what follows the last `*` does not match: the star takes one more.
    let mut retry = None;
    loop {
        let character = name.clone().next();
        match (glob.clone().next(), character) {
            (Some('*'), _) => {
                glob.next();
                retry = Some((glob.clone(), name.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                glob.next();
                name.next();
            }
            (None, None) => return true,
            _ => {
                let Some((after_star, from)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                (glob, name) = (after_star.clone(), from.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs_match_whole_names() {
        for (glob, name) in [
            ("*", ""),
            ("a*", "a"),
            ("*b", "aab"),
            ("a?c", "aéc"),
            ("a*b*c", "axbxbxc"),
            ("**", "x"),
        ] {
            assert!(matches(glob, name), "{glob} {name}");
        }
        for (glob, name) in [
            ("a*", "ba"),
            ("?", ""),
            ("a?c", "ac"),
            ("a*b", "abc"),
            ("A*", "a"),
            ("", "a"),
            ("a*bc*d", "abxcd"),
        ] {
            assert!(!matches(glob, name), "{glob} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_the_product() {
        let glob = "*a".repeat(200) + "b";
        assert!(!matches(&glob, &"a".repeat(5_000)));
    }
}
