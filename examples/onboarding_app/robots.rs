//! `robots.txt` (RFC 9309): which paths a site asks robots to leave out.

/// The name by which a file may speak of this robot.
const ROBOT: &str = "gensx-onboarding";
/// Rules of one file: more are cut off, as the RFC lets a robot do.
const MAX_RULES: usize = 1_000;

/// The rules for this robot.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    allow: bool,
    /// With `*` for any text, and `$` at its end for the end of the path.
    pattern: String,
}

impl Rules {
    /// Reads a file: the groups for this robot, else those for all. Lines that it does not know are passed over.
    pub(crate) fn parse(file: &str) -> Self {
        let (mut own, mut for_all) = (Vec::new(), Vec::new());
        let (mut is_own, mut is_for_all, mut has_own) = (false, false, false);
        let mut names_go_on = false;
        for line in file.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((field, value)) = line.split_once(':') else { continue };
            let (field, value) = (field.trim().to_ascii_lowercase(), value.trim());
            if field == "user-agent" {
                if !names_go_on {
                    (is_own, is_for_all) = (false, false);
                }
                is_own |= value.eq_ignore_ascii_case(ROBOT);
                is_for_all |= value == "*";
                has_own |= is_own;
                names_go_on = true;
                continue;
            }
            names_go_on = false;
            let allow = match field.as_str() {
                "allow" => true,
                "disallow" => false,
                _ => continue,
            };
            // An empty rule forbids nothing.
            if value.is_empty() || own.len() + for_all.len() >= MAX_RULES {
                continue;
            }
            if is_own {
                own.push(Rule { allow, pattern: value.to_owned() });
            } else if is_for_all {
                for_all.push(Rule { allow, pattern: value.to_owned() });
            }
        }
        Self(if has_own { own } else { for_all })
    }

    /// Whether a path with its query may be read: the longest rule that fits decides, and of two equal ones the kinder.
    pub(crate) fn allow(&self, path: &str) -> bool {
        let fits = self.0.iter().filter(|rule| fits(&rule.pattern, path));
        fits.max_by_key(|rule| (rule.pattern.len(), rule.allow)).is_none_or(|rule| rule.allow)
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, whole) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    // The end must stand at the end; what is between is taken at its first place.
    let last = if whole { parts.pop() } else { None };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    match last {
        Some(last) => rest.ends_with(last),
        None => !whole || rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_decides() {
        let rules = Rules::parse("User-agent: *\nDisallow: /a\nAllow: /a/b # but this\nDisallow:\n");
        assert!(rules.allow("/") && rules.allow("/a/b/c"));
        assert!(!rules.allow("/a") && !rules.allow("/a/c") && !rules.allow("/abc"));
    }

    #[test]
    fn a_group_for_this_robot_stands_for_all_others() {
        let file =
            "user-agent: *\ndisallow: /\n\nUser-Agent: other\nUser-Agent: GENSX-onboarding\nDisallow: /x\n";
        let rules = Rules::parse(file);
        assert!(rules.allow("/a") && !rules.allow("/x/y"));
        assert!(!Rules::parse("User-agent: *\nDisallow: /").allow("/a"));
    }

    #[test]
    fn marks_stand_for_any_text_and_for_the_end() {
        for (pattern, path, expected) in [
            ("/*/edit", "/a/edit", true),
            ("/*/edit", "/edit", false),
            ("/*.php$", "/a/b.php", true),
            ("/*.php$", "/a.php?x", false),
            ("/a$", "/a", true),
            ("/a$", "/ab", false),
            ("*", "/", true),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_such_file_forbids_nothing() {
        for file in ["", "<!doctype html><title>404: not found</title>", ":\n::\nDisallow: /\n"] {
            assert!(Rules::parse(file).allow("/a"), "{file}");
        }
    }
}
