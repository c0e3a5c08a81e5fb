//! A page's text and links, from its HTML.

use html5gum::{DefaultEmitter, HtmlString, StartTag, Token, Tokenizer};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::links;

/// Characters of a page's text that are kept: what is recorded, asked about and searched.
const MAX_TEXT_CHARS: usize = 6_000;
/// Characters of a title.
const MAX_TITLE_CHARS: usize = 120;
/// Links that are taken from one page.
const MAX_LINKS: usize = 200;

/// Elements whose text is not what the page says in words.
const SKIPPED: &[&str] = &[
    "aside", "button", "footer", "form", "nav", "noscript", "pre", "script", "select", "style", "svg",
    "template",
];
/// Elements that have no end.
const VOID: &[&str] = &["area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"];
/// Elements within a line.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "cite", "code", "em", "i", "kbd", "mark", "q", "s", "small", "span", "strong", "sub",
    "sup", "u", "var", "wbr",
];

/// What a page says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// A line for each block.
    pub(crate) text: String,
    /// Absolute, without fragments, in their order, each once.
    pub(crate) links: Vec<String>,
}

/// Takes a page apart. Whatever the text is, it gives one: HTML has no mistakes that matter here.
pub(crate) fn page(html: &str, base: &Url) -> Page {
    let mut emitter = DefaultEmitter::default();
    // Scripts and styles hold no tags, whatever they look like.
    emitter.naively_switch_states(true);
    let mut reader = Reader {
        base,
        title: String::new(),
        lines: Vec::new(),
        line: String::new(),
        links: Vec::new(),
        inside: Vec::new(),
    };
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => reader.open(&tag),
            Token::EndTag(tag) => reader.close(&name(&tag.name)),
            Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    reader.end_line();
    let text = cut(&reader.lines.join("\n"), MAX_TEXT_CHARS);
    let title = cut(&one_line(&reader.title), MAX_TITLE_CHARS);
    let title = if title.is_empty() { base.path().to_owned() } else { title };
    Page { title, text, links: reader.links }
}

struct Reader<'a> {
    base: &'a Url,
    title: String,
    lines: Vec<String>,
    line: String,
    links: Vec<String>,
    /// The open elements that are skipped, and the title.
    inside: Vec<String>,
}

impl Reader<'_> {
    fn open(&mut self, tag: &StartTag<()>) {
        let name = name(&tag.name);
        if name == "a"
            && let Some(target) = tag.attributes.get("href".as_bytes())
            && let Some(link) = links::resolve(self.base, &String::from_utf8_lossy(target))
            && self.links.len() < MAX_LINKS
            && !self.links.contains(&link)
        {
            self.links.push(link);
        }
        if !INLINE.contains(&name.as_str()) {
            self.end_line();
        }
        let special = name == "title" || SKIPPED.contains(&name.as_str());
        if special && !tag.self_closing && !VOID.contains(&name.as_str()) {
            self.inside.push(name);
        }
    }

    fn close(&mut self, name: &str) {
        // Tags that were never closed are closed with what is around them.
        if let Some(at) = self.inside.iter().rposition(|open| open == name) {
            self.inside.truncate(at);
        }
        if !INLINE.contains(&name) {
            self.end_line();
        }
    }

    fn text(&mut self, text: &str) {
        match self.inside.last().map(String::as_str) {
            Some("title") if self.title.is_empty() => self.title.push_str(text),
            Some(_) => {}
            None => self.line.push_str(text),
        }
    }

    fn end_line(&mut self) {
        let line = one_line(&std::mem::take(&mut self.line));
        if !line.is_empty() {
            self.lines.push(line);
        }
    }
}

fn name(tag: &HtmlString) -> String {
    String::from_utf8_lossy(tag).into_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Page {
        page(html, &Url::parse("http://site.test/guide/one.html").unwrap())
    }

    #[test]
    fn what_a_page_says_is_its_blocks_without_scripts_menus_and_markup() {
        let page = read(
            "<!doctype html><html><head><title>One &amp;\n only</title><style>p { color: red }</style></head><body>\
             <nav><a href=two.html>Two</a></nav><h1>A <em>tide</em></h1><p>It rises,\n and <b>falls</b>.<br>Twice.</p>\
             <script>if (a < b) document.write('<p>no</p>')</script><ul><li>one<li>two</ul></body></html>",
        );
        assert_eq!(page.title, "One & only");
        assert_eq!(page.text, "A tide\nIt rises, and falls.\nTwice.\none\ntwo");
        assert_eq!(page.links, ["http://site.test/guide/two.html"], "a menu's links count");
    }

    #[test]
    fn links_are_absolute_and_told_once() {
        let page = read(
            "<a href='#here'>a</a><a href='two.html#x'>b</a><a href='/two.html'>c</a><a href='two.html'>d</a>\
             <a href='mailto:a@b'>e</a><a href='http://other.test/?q=1&amp;r=2'>f</a><a>g</a>",
        );
        let expected = [
            "http://site.test/guide/one.html",
            "http://site.test/guide/two.html",
            "http://site.test/two.html",
            "http://other.test/?q=1&r=2",
        ];
        assert_eq!(page.links, expected);
        assert_eq!((page.title.as_str(), page.text.as_str()), ("/guide/one.html", "abcdefg"));
    }

    #[test]
    fn any_bytes_give_a_page_within_its_bounds() {
        for html in ["", "<", "<a href=", "</nav></p>", "<nav><nav>x</nav>y</nav>z", "\u{0}\u{fffd}<p"] {
            read(html);
        }
        assert_eq!(read("<nav><nav>x</nav>y</nav>z").text, "z");
        let long = format!("<p>{}</p>", "é".repeat(MAX_TEXT_CHARS + 1));
        assert_eq!(read(&long).text.chars().count(), MAX_TEXT_CHARS);
        let many: String = (0..=MAX_LINKS).map(|n| format!("<a href=/{n}>x</a>")).collect();
        assert_eq!(read(&many).links.len(), MAX_LINKS);
    }
}
