//! Markdown cut into passages of plain prose.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A passage is closed once it is this long: a few sentences to quote, with what surrounds them.
const PASSAGE_CHARS: usize = 900;
/// A single paragraph that is longer is generated text or a table in disguise.
const MAX_PARAGRAPH_CHARS: usize = 4_000;
/// Shorter paragraphs are labels, badges and links.
const MIN_PARAGRAPH_CHARS: usize = 40;

/// Under headings with these words, documentation speaks of itself.
const BOILERPLATE: &[&str] = &[
    "licen",
    "contribut",
    "getting help",
    "sponsor",
    "minimum supported",
    "msrv",
    "supported rust",
    "changelog",
];

/// A passage that does not know its crate yet.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) heading: String,
    pub(super) text: String,
}

/// What the parser is inside of.
#[derive(Default)]
enum Inside {
    /// Between blocks.
    #[default]
    Nothing,
    Heading(String),
    Paragraph(String),
    /// Code, tables and HTML: not prose, left out. Counts how deep.
    Skipped(usize),
}

/// Cuts Markdown into passages: prose under its heading, without code, tables, pictures and markup.
pub(super) fn split(markdown: &str) -> Vec<Piece> {
    let mut splitter = Splitter::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        splitter.take(event);
    }
    splitter.close_passage();
    splitter.pieces
}

#[derive(Default)]
struct Splitter {
    inside: Inside,
    /// How many pictures deep: the text in there stands for the picture.
    pictures: usize,
    heading: String,
    text: String,
    pieces: Vec<Piece>,
}

impl Splitter {
    fn take(&mut self, event: Event<'_>) {
        match (&mut self.inside, event) {
            (Inside::Skipped(depth), Event::Start(_)) => *depth += 1,
            (Inside::Skipped(depth), Event::End(_)) => {
                *depth -= 1;
                if *depth == 0 {
                    self.inside = Inside::Nothing;
                }
            }
            (Inside::Skipped(_), _) => {}
            (_, Event::Start(Tag::CodeBlock(_) | Tag::Table(_) | Tag::HtmlBlock)) => {
                self.close_paragraph();
                self.inside = Inside::Skipped(1);
            }
            (_, Event::Start(Tag::Heading { .. })) => {
                self.close_paragraph();
                self.inside = Inside::Heading(String::new());
            }
            (_, Event::End(TagEnd::Heading(_))) => self.open_section(),
            (_, Event::Start(Tag::Paragraph | Tag::Item)) => {
                self.close_paragraph();
                self.inside = Inside::Paragraph(String::new());
            }
            (_, Event::End(TagEnd::Paragraph | TagEnd::Item)) => self.close_paragraph(),
            (_, Event::Start(Tag::Image { .. })) => self.pictures += 1,
            (_, Event::End(TagEnd::Image)) => self.pictures -= 1,
            (_, Event::Text(_) | Event::Code(_)) if self.pictures > 0 => {}
            (Inside::Heading(text) | Inside::Paragraph(text), Event::Text(more)) => text.push_str(&more),
            (Inside::Heading(text) | Inside::Paragraph(text), Event::Code(code)) => {
                text.push('`');
                text.push_str(&code);
                text.push('`');
            }
            (Inside::Heading(text) | Inside::Paragraph(text), Event::SoftBreak | Event::HardBreak) => {
                text.push(' ');
            }
            _ => {}
        }
    }

    /// A heading ended: what follows stands under it.
    fn open_section(&mut self) {
        if let Inside::Heading(heading) = std::mem::replace(&mut self.inside, Inside::Nothing) {
            self.close_passage();
            self.heading = tidy(&heading);
        }
    }

    fn close_paragraph(&mut self) {
        let Inside::Paragraph(text) = std::mem::replace(&mut self.inside, Inside::Nothing) else { return };
        let text = tidy(&text);
        let chars = text.chars().count();
        if !(MIN_PARAGRAPH_CHARS..=MAX_PARAGRAPH_CHARS).contains(&chars) {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&text);
        if self.text.chars().count() >= PASSAGE_CHARS {
            self.close_passage();
        }
    }

    fn close_passage(&mut self) {
        self.close_paragraph();
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() && !is_boilerplate(&self.heading) {
            self.pieces.push(Piece { heading: self.heading.clone(), text });
        }
    }
}

fn is_boilerplate(heading: &str) -> bool {
    let heading = heading.to_lowercase();
    BOILERPLATE.iter().any(|word| heading.contains(word))
}

/// One line, single spaces, no brackets left over from links that lead nowhere.
fn tidy(text: &str) -> String {
    let text = text.replace("[`", "`").replace("`]", "`").replace("\u{fffd}", "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "This sentence is long enough to be kept as a paragraph of its own.";

    fn piece(heading: &str, text: &str) -> Piece {
        Piece { heading: heading.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn prose_is_kept_under_its_heading_without_markup() {
        let markdown = format!(
            "# My `crate`\n\n{LONG} See [`Thing`](x.md) and *more*.\n\n## Use\n\n- {LONG}\n- short\n"
        );
        let expected = format!("{LONG} See `Thing` and more.");
        assert_eq!(split(&markdown), [piece("My `crate`", &expected), piece("Use", LONG)]);
    }

    #[test]
    fn code_tables_pictures_and_html_are_left_out() {
        let markdown = format!(
            "```rust\n// {LONG}\n```\n\n| a | b |\n|---|---|\n| {LONG} | x |\n\n<p>{LONG}</p>\n\n{LONG}\n\n[![{LONG}](b.svg)](l)"
        );
        let found = split(&markdown);
        assert_eq!(found, [piece("", LONG)]);
    }

    #[test]
    fn what_documentation_says_about_itself_is_left_out() {
        let markdown = format!("# License\n\n{LONG}\n\n# Contributing\n\n{LONG}\n\n# Use\n\n{LONG}\n");
        assert_eq!(split(&markdown), [piece("Use", LONG)]);
    }

    #[test]
    fn long_sections_are_cut_between_paragraphs() {
        let markdown = format!("{LONG}\n\n").repeat(40);
        let found = split(&markdown);
        assert!(found.len() > 1);
        let longest = found.iter().map(|piece| piece.text.chars().count()).max().unwrap();
        assert!(longest < PASSAGE_CHARS + LONG.len() + 1, "a passage of {longest} characters");
    }

    #[test]
    fn odd_markdown_gives_something_or_nothing_but_no_panic() {
        for odd in ["", "#", "```", "| a\n|-", "<div", "[x", "* * *\n- \n  - ```", "# a\n# b\n#"] {
            assert!(split(odd).len() <= 1, "{odd:?}");
        }
    }
}
