//! The built-in model: it answers by extracting from the material in the prompt. It knows nothing else, so it invents
//! nothing.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::model::prompt::{Block, Prompt, Task};
use crate::model::text::{Index, sentences, words};

/// Sections that an outline has at most; the crates left over share the last one.
const MAX_SECTIONS: usize = 5;
/// Sentences quoted from one passage.
const MAX_QUOTED: usize = 3;
/// Sentences in the summary of a page.
const MAX_SUMMARY: usize = 2;
/// Words that stand for a page without sentences.
const OPENING_WORDS: usize = 30;
/// Titles that an overview names.
const MAX_TITLES: usize = 5;
/// A sentence fit to be quoted is neither a label nor a paragraph.
const QUOTABLE_CHARS: std::ops::RangeInclusive<usize> = 40..=360;
/// A longer heading is a sentence.
const MAX_HEADING_CHARS: usize = 50;
/// Sentences in the answer to a question that is none of the tasks.
const MAX_EXTRACTED: usize = 3;

/// Answers a user's message.
pub(super) fn to(question: &str) -> String {
    let Some(prompt) = Prompt::parse(question) else { return extract(question) };
    match prompt.task {
        Task::Research => research(&prompt),
        Task::Outline => outline(&prompt),
        Task::Section => section(&prompt),
        Task::Edit => edit(&prompt),
        Task::Digest => digest(&prompt),
        Task::Overview => overview(&prompt),
    }
}

/// The sentences of a text that say most of what it is about, judged by its last line.
fn extract(text: &str) -> String {
    let last_line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let body = text.strip_suffix(last_line).filter(|body| !body.trim().is_empty()).unwrap_or(text);
    let found = telling(body, last_line, MAX_EXTRACTED);
    if found.is_empty() { "The text given says nothing about that.".to_owned() } else { found.join(" ") }
}

fn research(prompt: &Prompt) -> String {
    let findings = |note_of: fn(&str, &str) -> Option<String>| -> Vec<Value> {
        (1..)
            .zip(&prompt.blocks)
            .filter_map(|(number, block)| {
                let note = note_of(&block.text, &prompt.topic)?;
                Some(json!({"passage": number, "note": note}))
            })
            .collect()
    };
    let mut found = findings(|text, topic| telling(text, topic, 1).pop().map(str::to_owned));
    if found.is_empty() {
        // Only headings and names speak of the topic: better what stands under them than nothing.
        found = findings(|text, topic| most_telling(text, topic, 1).pop().map(str::to_owned));
    }
    json!({ "findings": found }).to_string()
}

/// One section per crate, in the order in which the crates come up.
fn outline(prompt: &Prompt) -> String {
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    for (number, block) in (1..).zip(&prompt.blocks) {
        let package = package_of(block);
        let at = groups.iter().position(|(name, _)| *name == package);
        // The last section takes in every crate that has none of its own.
        match at.or_else(|| (groups.len() == MAX_SECTIONS).then_some(MAX_SECTIONS - 1)) {
            Some(at) => groups[at].1.push(number),
            None => groups.push((package, vec![number])),
        }
    }
    let sections: Vec<_> = groups
        .into_iter()
        .enumerate()
        .map(|(at, (package, passages))| {
            let blocks: Vec<&Block> = passages.iter().map(|number| &prompt.blocks[number - 1]).collect();
            let shared = blocks.iter().any(|block| package_of(block) != package);
            let heading = if shared {
                "Elsewhere in the dependency tree".to_owned()
            } else {
                heading(at, blocks[0], &prompt.topic)
            };
            json!({"heading": heading, "passages": passages})
        })
        .collect();
    let title = format!("{}, as your dependencies tell it", capitalized(&prompt.topic));
    json!({"title": title, "sections": sections}).to_string()
}

/// The passage's own heading where it is about the topic, else one that names the crate. With the crate in it, it is
/// different from every other section's.
fn heading(at: usize, first: &Block, topic: &str) -> String {
    let package = package_of(first);
    let topic_words = words(topic);
    let about_topic = words(&first.heading).iter().any(|word| topic_words.contains(word));
    if about_topic && first.heading.chars().count() <= MAX_HEADING_CHARS && !is_name(&first.heading, package)
    {
        return format!("{} in `{package}`", first.heading.trim_end_matches(['.', ':', '?', '!']));
    }
    match at % 3 {
        0 => format!("What `{package}` brings"),
        1 => format!("The view from `{package}`"),
        _ => format!("How `{package}` puts it"),
    }
}

/// Whether a heading is but the crate's name.
fn is_name(heading: &str, package: &str) -> bool {
    let letters = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
    letters(heading).eq_ignore_ascii_case(&letters(package))
}

fn section(prompt: &Prompt) -> String {
    let mut paragraphs = Vec::new();
    let mut last_source = "";
    for block in &prompt.blocks {
        let quotes = most_telling(&block.text, &prompt.topic, MAX_QUOTED);
        if quotes.is_empty() {
            continue;
        }
        paragraphs.push(lead_in(block, last_source));
        paragraphs.push(format!("> {}", quotes.join(" ")));
        last_source = &block.source;
    }
    if paragraphs.is_empty() {
        // A section must not be empty, and the material had nothing to quote.
        let sources: Vec<&str> = prompt.blocks.iter().map(|block| block.source.as_str()).collect();
        paragraphs.push(format!("On {} there is little to quote; see {}.", prompt.topic, listed(&sources)));
    }
    paragraphs.join("\n\n")
}

/// Says whose words follow.
fn lead_in(block: &Block, last_source: &str) -> String {
    let under =
        if block.heading.is_empty() { String::new() } else { format!(", under “{}”,", block.heading) };
    let package = package_of(block);
    if last_source == block.source {
        format!("The same page{under} goes on:")
    } else if last_source.starts_with(package) {
        format!("Elsewhere, `{package}`{under} adds:")
    } else {
        format!("The documentation of `{package}`{under} says:")
    }
}

fn edit(prompt: &Prompt) -> String {
    let headings: Vec<&str> = prompt.blocks.iter().map(|block| block.heading.as_str()).collect();
    let mut parts = vec![format!("# {}", prompt.title)];
    parts.push(format!(
        "What do the crates of this project say about {}? These pages collect it in their own words: {}.",
        prompt.topic,
        listed(&headings),
    ));
    let mut quoted = HashSet::new();
    for block in &prompt.blocks {
        parts.push(format!("## {}", block.heading));
        parts.push(without_repeats(&block.text, &mut quoted));
    }
    parts.join("\n\n")
}

/// What a page says of its own title.
fn digest(prompt: &Prompt) -> String {
    let text = prompt.blocks.first().map_or("", |block| block.text.as_str());
    let found = most_telling(text, &prompt.title, MAX_SUMMARY);
    // A page of labels and code has no sentence to quote.
    let summary = if found.is_empty() { opening(text) } else { found.join(" ") };
    json!({ "summary": summary }).to_string()
}

/// The first words of a text.
fn opening(text: &str) -> String {
    text.split_whitespace().take(OPENING_WORDS).collect::<Vec<_>>().join(" ")
}

/// The pages by their titles, and what the first of them say.
fn overview(prompt: &Prompt) -> String {
    let titles: Vec<&str> = prompt.blocks.iter().map(|block| block.heading.as_str()).collect();
    let shown = &titles[..titles.len().min(MAX_TITLES)];
    let says: Vec<&str> = prompt
        .blocks
        .iter()
        .filter_map(|block| sentences(&block.text).first().copied())
        .take(MAX_QUOTED)
        .collect();
    format!("{} pages were read, among them {}.\n\n{}", titles.len(), listed(shown), says.join(" "))
}

/// The paragraphs of a section, without quotations that the article had before and what led up to them.
fn without_repeats(text: &str, quoted: &mut HashSet<String>) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for paragraph in text.split("\n\n") {
        if paragraph.starts_with('>') && !quoted.insert(paragraph.to_owned()) {
            // A section keeps at least its first quotation, or it would be empty.
            if kept.len() > 1 {
                kept.pop();
                continue;
            }
        }
        kept.push(paragraph);
    }
    kept.join("\n\n")
}

/// The quotable sentences of a text that fit a topic best, in the order of the text; the first one if none fits.
fn most_telling<'a>(text: &'a str, topic: &str, at_most: usize) -> Vec<&'a str> {
    let found = telling(text, topic, at_most);
    if found.is_empty() { quotable(text).into_iter().take(1).collect() } else { found }
}

/// The quotable sentences of a text that fit a topic best, in the order of the text.
fn telling<'a>(text: &'a str, topic: &str, at_most: usize) -> Vec<&'a str> {
    let quotable = quotable(text);
    let ranked = Index::new(quotable.iter().copied()).rank(topic);
    let mut chosen: Vec<usize> = ranked.into_iter().map(|(at, _)| at).take(at_most).collect();
    chosen.sort_unstable();
    chosen.into_iter().map(|at| quotable[at]).collect()
}

fn quotable(text: &str) -> Vec<&str> {
    text.lines().flat_map(sentences).filter(|sentence| is_quotable(sentence)).collect()
}

fn is_quotable(sentence: &str) -> bool {
    let starts_well = sentence.starts_with(|c: char| c.is_uppercase() || c == '`');
    let ends_well = sentence.ends_with(['.', '!', '?', ')']);
    starts_well
        && ends_well
        && QUOTABLE_CHARS.contains(&sentence.chars().count())
        && !sentence.contains("://")
}

/// The crate's name, the first word of a source.
fn package_of(block: &Block) -> &str {
    block.source.split_whitespace().next().unwrap_or("this project")
}

fn listed(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [firsts @ .., last] => format!("{} and {last}", firsts.join(", ")),
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(source: &str, heading: &str, text: &str) -> Block {
        Block { source: source.to_owned(), heading: heading.to_owned(), text: text.to_owned() }
    }

    fn asked(task: Task, blocks: Vec<Block>) -> String {
        let prompt = Prompt { task, topic: "cancelling tasks".into(), title: "The title".into(), blocks };
        to(&prompt.render())
    }

    const TELLING: &str = "A task is cancelled when its handle is dropped by the caller.";
    const OTHER: &str = "Numbers are parsed from left to right without any lookahead.";

    #[test]
    fn research_notes_the_sentence_that_fits() {
        let answer = asked(
            Task::Research,
            vec![block("a 1.0.0, README.md", "", &format!("{OTHER} {TELLING} {OTHER}"))],
        );
        assert_eq!(answer, json!({"findings": [{"passage": 1, "note": TELLING}]}).to_string());
    }

    #[test]
    fn an_outline_uses_every_passage_once_under_different_headings() {
        let blocks = (0..9).map(|n| block(&format!("crate{n} 1.0.0, README.md"), "", TELLING)).collect();
        let answer: Value = serde_json::from_str(&asked(Task::Outline, blocks)).unwrap();
        let sections = answer["sections"].as_array().unwrap();
        assert_eq!(sections.len(), MAX_SECTIONS);
        let headings: HashSet<&str> =
            sections.iter().map(|section| section["heading"].as_str().unwrap()).collect();
        assert_eq!(headings.len(), MAX_SECTIONS);
        let numbers: Vec<u64> = sections
            .iter()
            .flat_map(|section| section["passages"].as_array().unwrap())
            .map(|number| number.as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (1..=9).collect::<Vec<u64>>());
    }

    #[test]
    fn a_section_quotes_its_passages_and_names_them() {
        let answer =
            asked(Task::Section, vec![block("a 1.0.0, README.md", "Drop", &format!("{OTHER}\n{TELLING}"))]);
        assert_eq!(answer, format!("The documentation of `a`, under “Drop”, says:\n\n> {TELLING}"));
    }

    #[test]
    fn editing_keeps_every_heading_and_quotes_once() {
        let text = format!("`a` says:\n\n> {TELLING}\n\n`a` adds:\n\n> {OTHER}");
        let answer = asked(Task::Edit, vec![block("", "One", &text), block("", "Two", &text)]);
        assert!(answer.starts_with("# The title\n\n"), "{answer}");
        assert!(answer.contains("\n\n## One\n\n") && answer.contains("\n\n## Two\n\n"), "{answer}");
        assert_eq!(answer.matches(OTHER).count(), 1, "{answer}");
    }

    #[test]
    fn a_page_is_summed_up_by_what_it_says_and_a_site_by_its_pages() {
        let answer = asked(Task::Digest, vec![block("", "", &format!("{TELLING}\n{OTHER}"))]);
        assert_eq!(answer, json!({"summary": TELLING}).to_string(), "the title has no word of it");
        let labels = asked(Task::Digest, vec![block("", "", "one\ntwo")]);
        assert_eq!(labels, json!({"summary": "one two"}).to_string());
        let answer = asked(Task::Overview, vec![block("", "One", TELLING), block("", "Two", OTHER)]);
        assert_eq!(answer, format!("2 pages were read, among them One and Two.\n\n{TELLING} {OTHER}"));
    }

    #[test]
    fn a_question_that_is_no_task_is_answered_from_its_own_text() {
        assert_eq!(to(&format!("{OTHER} {TELLING}\n\nHow are tasks cancelled?")), TELLING);
        assert_eq!(to(""), "The text given says nothing about that.");
    }
}
