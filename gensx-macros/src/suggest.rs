//! What a misspelt name was meant to be.

/// How many letters may be wrong before a name is no longer recognised.
const MAX_DISTANCE_LETTERS: usize = 3;

/// The end of a message about an unknown name: the nearest known one, or all of them.
pub(crate) fn hint(found: &str, known: &[&str]) -> String {
    match nearest(found, known) {
        Some(name) => format!(": did you mean `{name}`?"),
        None => format!(": write one of {}", list(known)),
    }
}

fn list(known: &[&str]) -> String {
    let quoted: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The known name that is nearest to what was written, if one is near.
fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let found = found.to_lowercase();
    let begins = |name: &&str| found.len() >= 3 && (name.starts_with(&found) || found.starts_with(name));
    let near =
        |name: &&str| distance(&found, name) <= MAX_DISTANCE_LETTERS.min(name.len().max(found.len()) / 2);
    known.iter().copied().filter(|name| near(name) || begins(name)).min_by_key(|name| distance(&found, name))
}

/// The number of letters to insert, remove or replace to turn one word into the other (Levenshtein's distance).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("retry", "retry"), 0);
    }

    #[test]
    fn a_near_name_is_suggested() {
        assert_eq!(hint("time_out", &["retry", "timeout"]), ": did you mean `timeout`?");
        assert_eq!(hint("retries", &["retry", "timeout"]), ": did you mean `retry`?");
        assert_eq!(hint("max", &["max_attempts", "initial"]), ": did you mean `max_attempts`?");
    }

    #[test]
    fn a_far_name_gets_the_list() {
        assert_eq!(hint("colour", &["retry", "timeout"]), ": write one of `retry`, `timeout`");
    }
}
