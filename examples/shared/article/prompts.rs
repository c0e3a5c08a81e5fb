//! What each stage asks of the model.

use super::material::Passage;
use super::{Finding, Section, SectionPlan};
use crate::model::prompt::{Block, Prompt, Task};

pub(super) fn research(topic: &str, passages: &[Passage]) -> Prompt {
    prompt(Task::Research, topic, "", passages.iter().map(|passage| quoted(passage, &passage.text)).collect())
}

pub(super) fn outline(topic: &str, findings: &[Finding]) -> Prompt {
    let blocks = findings.iter().map(|finding| quoted(&finding.passage, &finding.note));
    prompt(Task::Outline, topic, "", blocks.collect())
}

pub(super) fn section(topic: &str, plan: &SectionPlan) -> Prompt {
    let blocks = plan.findings.iter().map(|finding| quoted(&finding.passage, &finding.passage.text));
    prompt(Task::Section, topic, &plan.heading, blocks.collect())
}

pub(super) fn edit(topic: &str, title: &str, sections: &[Section]) -> Prompt {
    let blocks = sections.iter().map(|section| Block {
        source: String::new(),
        heading: section.heading.clone(),
        text: section.text.clone(),
    });
    prompt(Task::Edit, topic, title, blocks.collect())
}

fn prompt(task: Task, topic: &str, title: &str, blocks: Vec<Block>) -> Prompt {
    Prompt { task, topic: topic.to_owned(), title: title.to_owned(), blocks }
}

fn quoted(passage: &Passage, text: &str) -> Block {
    Block { source: passage.source(), heading: passage.heading.clone(), text: text.to_owned() }
}
