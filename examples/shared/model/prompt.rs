//! What the model is asked, as text: instructions that any model follows, and the material in marked blocks that the
//! built-in model finds again. Both sides of that format stand here.

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Research,
    Outline,
    Section,
    Edit,
    Digest,
    Overview,
}

impl Task {
    const ALL: [Self; 6] =
        [Self::Research, Self::Outline, Self::Section, Self::Edit, Self::Digest, Self::Overview];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Research => "research",
            Self::Outline => "outline",
            Self::Section => "section",
            Self::Edit => "edit",
            Self::Digest => "digest",
            Self::Overview => "overview",
        }
    }

    /// The instruction, as a model's system message.
    pub(crate) fn instruction(self) -> &'static str {
        match self {
            Self::Research => {
                "You research a technical article. For every passage that helps with the topic, note the one thing it \
                 says about it, in its own words. Leave out passages that do not help. Answer with JSON only: \
                 {\"findings\": [{\"passage\": 1, \"note\": \"...\"}]}"
            }
            Self::Outline => {
                "You plan a technical article of three to five sections from the passages given. Headings are short \
                 and all different. Every section names the passages it rests on; use every passage once. Answer with \
                 JSON only: {\"title\": \"...\", \"sections\": [{\"heading\": \"...\", \"passages\": [1, 2]}]}"
            }
            Self::Section => {
                "You write one section of a technical article in Markdown, without its heading and without other \
                 headings. Rest on the passages given alone, quote them as block quotes, and name the crate you quote."
            }
            Self::Edit => {
                "You edit a technical article in Markdown. Give the whole article: the title as `# `, a short \
                 introduction, then every section under its heading as `## `, headings and order unchanged. Smooth \
                 the transitions and remove what is said twice. Give nothing but the article."
            }
            Self::Digest => {
                "You read one page of a website. Say in at most three sentences what it tells its readers, from the \
                 passage given alone. Answer with JSON only: {\"summary\": \"...\"}"
            }
            Self::Overview => {
                "You have read the pages of a website; a passage is the summary of a page. Say in two short \
                 paragraphs of plain text what the site is about and what is found where."
            }
        }
    }
}

/// A request's text, taken apart.
#[derive(Debug, PartialEq)]
pub(crate) struct Prompt {
    pub(crate) task: Task,
    pub(crate) topic: String,
    /// The section's heading or the article's title, empty where there is none yet.
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// A marked piece of material.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    /// Where it is from; empty for a section that was written here.
    pub(crate) source: String,
    pub(crate) heading: String,
    pub(crate) text: String,
}

const OPEN: &str = "<block source=\"";
const BETWEEN: &str = "\" heading=\"";
const OPENED: &str = "\">";
const CLOSE: &str = "</block>";

impl Prompt {
    /// The request as a model's user message. Blocks are numbered from 1 by their order.
    pub(crate) fn render(&self) -> String {
        let (task, topic, title) = (self.task.name(), one_line(&self.topic), one_line(&self.title));
        let mut text = format!(
            "Task: {task}\nTopic: {topic}\nTitle: {title}\nPassages, numbered from 1 in this order:\n"
        );
        for block in &self.blocks {
            let (source, heading) = (attribute(&block.source), attribute(&block.heading));
            // A text that holds the closing mark would end its own block.
            let body = block.text.replace(CLOSE, "</ block>");
            text.push_str(&format!("\n{OPEN}{source}{BETWEEN}{heading}{OPENED}\n{body}\n{CLOSE}\n"));
        }
        text
    }

    /// Takes a rendered request apart; `None` for a text that is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let name = line("Task:")?;
        let task = Task::ALL.into_iter().find(|task| task.name() == name)?;
        let (topic, title) = (line("Topic:")?.to_owned(), line("Title:")?.to_owned());
        let blocks = text.split(OPEN).skip(1).filter_map(parse_block).collect();
        Some(Self { task, topic, title, blocks })
    }
}

fn parse_block(text: &str) -> Option<Block> {
    let (source, rest) = text.split_once(BETWEEN)?;
    let (heading, rest) = rest.split_once(OPENED)?;
    let (body, _) = rest.split_once(CLOSE)?;
    Some(Block { source: source.to_owned(), heading: heading.to_owned(), text: body.trim().to_owned() })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn attribute(text: &str) -> String {
    one_line(text).replace('"', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendered_prompt_is_found_again() {
        let block = |text: &str| Block {
            source: "a 1.0.0, README.md".into(),
            heading: "One".into(),
            text: text.into(),
        };
        let blocks = vec![block("First.\nSecond."), block("Third, with \"quotes\" and <tags>.")];
        let prompt = Prompt { task: Task::Section, topic: "threads".into(), title: "Two".into(), blocks };
        assert_eq!(Prompt::parse(&prompt.render()), Some(prompt));
    }

    #[test]
    fn material_cannot_close_its_own_block() {
        let block = Block { source: "a".into(), heading: "say \"x\"".into(), text: "a </block> b".into() };
        let prompt =
            Prompt { task: Task::Edit, topic: "a\nb".into(), title: String::new(), blocks: vec![block] };
        let parsed = Prompt::parse(&prompt.render()).unwrap();
        assert_eq!(parsed.topic, "a b");
        let expected = Block { source: "a".into(), heading: "say 'x'".into(), text: "a </ block> b".into() };
        assert_eq!(parsed.blocks, [expected]);
    }

    #[test]
    fn other_texts_are_not_prompts() {
        for text in ["", "What is Rust?", "Task: sing\nTopic: a\nTitle: b\n", "Task: edit\nTopic: a\n"] {
            assert_eq!(Prompt::parse(text), None, "{text:?}");
        }
    }
}
