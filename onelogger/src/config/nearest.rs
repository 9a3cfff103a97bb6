//! The name that somebody may have meant.

/// The known name that is nearest to a misspelt one, if one is near enough: a third of its characters
/// may differ, but no more than three, and letters that have changed places differ once.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = folded(name);
    let candidates = known.into_iter().map(|known| (distance(&name, &folded(known)), known));
    let (distance, known) = candidates.min_by_key(|&(distance, _)| distance)?;
    (distance <= (known.chars().count().max(name.len()) / 3).min(3)).then_some(known)
}

/// `; did you mean …?`, or nothing.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("; did you mean `{known}`?"))
}

/// `; did you mean …?`, or, where no name is near, what there is to choose from.
pub(super) fn way_out<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None if known.clone().next().is_none() => String::new(),
        None => format!("; expected {}", one_of(known)),
    }
}

/// `a`, or `a or b`, or `one of a, b, c`.
pub(super) fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [one] => one.clone(),
        [one, other] => format!("{one} or {other}"),
        _ => format!("one of {}", names.join(", ")),
    }
}

/// What is the same to somebody who looks for a mistake: `laneBytes` and `lane-bytes`.
fn folded(name: &str) -> Vec<char> {
    let name = name.chars().filter(|char| char.is_alphanumeric());
    // A name that somebody has made absurdly long is near to none.
    name.flat_map(char::to_lowercase).take(64).collect()
}

/// How many characters must be put in, taken away, changed, or exchanged with their neighbor.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let changed = last[j] + usize::from(a != b);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_strange_one_is_not() {
        let known = ["lane_bytes", "lane_policy", "queue_bytes", "sampler"];
        for (name, expected) in [
            ("lane_byts", Some("lane_bytes")),
            ("laneBytes", Some("lane_bytes")),
            ("LANE-POLICY", Some("lane_policy")),
            ("smapler", Some("sampler")),
            ("bytes", None),
            ("", None),
            ("something_else", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
