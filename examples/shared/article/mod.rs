//! The stages of an article, for whoever writes one: `blog` and `content_app`.

mod material;
mod prompts;

use futures_util::future::try_join_all;
use gensx::prelude::*;
use serde::{Deserialize, Serialize};

use self::material::Passage;
use crate::model::{PATIENT, ask, stream};

/// A passage, and what it says about the topic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) passage: Passage,
    pub(crate) note: String,
}

/// What is to be written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outline {
    pub(crate) title: String,
    pub(crate) sections: Vec<SectionPlan>,
}

/// A section to be written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SectionPlan {
    pub(crate) heading: String,
    pub(crate) findings: Vec<Finding>,
}

/// A section that was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) heading: String,
    pub(crate) text: String,
}

/// The model's answer to [`prompts::research`].
#[derive(Debug, Deserialize)]
struct Notes {
    findings: Vec<Note>,
}

#[derive(Debug, Deserialize)]
struct Note {
    /// Counted from 1.
    passage: usize,
    note: String,
}

/// The model's answer to [`prompts::outline`].
#[derive(Debug, Deserialize)]
struct Plan {
    title: String,
    sections: Vec<PlannedSection>,
}

#[derive(Debug, Deserialize)]
struct PlannedSection {
    heading: String,
    passages: Vec<usize>,
}

/// Sections of an article: each is a request of its own, and a model may plan a book.
const MAX_SECTIONS: usize = 8;
/// The whole article. It is plain code: what a resumed run finds recorded is not asked again, wherever it stands.
#[component]
pub(crate) async fn blog(topic: String) -> anyhow::Result<String> {
    let findings = research(topic.clone()).ensure(|found| !found.is_empty()).await?;
    let outline = outline(topic.clone(), findings).ensure(|outline| !outline.sections.is_empty()).await?;
    let sections = try_join_all(
        outline
            .sections
            .iter()
            .map(|plan| write_section(topic.clone(), plan.clone()).label(plan.heading.clone())),
    )
    .await?;
    let headings: Vec<String> = sections.iter().map(|section| section.heading.clone()).collect();
    let article =
        edit(topic, outline.title.clone(), sections).ensure(move |text| is_whole(text, &headings)).await?;
    Ok(with_sources(&article, &outline))
}

/// Finds material, and has the model note what it says about the topic.
#[component(retry = PATIENT)]
async fn research(topic: String) -> anyhow::Result<Vec<Finding>> {
    let query = topic.clone();
    // Looking again finds nothing else.
    let passages = tokio::task::spawn_blocking(move || material::search(&query)).await?.permanent()?;
    let notes: Notes = ask("research", &prompts::research(&topic, &passages)).await?;
    Ok(findings(notes, &passages))
}

/// Has the model plan the sections.
#[component(retry = PATIENT)]
async fn outline(topic: String, findings: Vec<Finding>) -> anyhow::Result<Outline> {
    let plan: Plan = ask("outline", &prompts::outline(&topic, &findings)).await?;
    Ok(outlined(plan, &findings))
}

/// Has the model write one section.
#[component(retry = PATIENT)]
async fn write_section(topic: String, plan: SectionPlan) -> anyhow::Result<Section> {
    let text = stream(&format!("section: {}", plan.heading), &prompts::section(&topic, &plan)).await?;
    Ok(Section { heading: plan.heading, text })
}

/// Has the model make one text of the sections.
#[component(retry = PATIENT)]
async fn edit(topic: String, title: String, sections: Vec<Section>) -> anyhow::Result<String> {
    stream("edit", &prompts::edit(&topic, &title, &sections)).await
}

/// Whether an article has all its sections, each with a text.
fn is_whole(article: &str, headings: &[String]) -> bool {
    headings.iter().all(|heading| {
        let mark = format!("\n## {heading}\n");
        article.split_once(&mark).is_some_and(|(_, rest)| {
            let text = rest.split("\n## ").next().unwrap_or_default();
            !text.trim().is_empty()
        })
    })
}

/// Joins the model's notes with the passages they are about. Numbers that the model made up are left out.
fn findings(notes: Notes, passages: &[Passage]) -> Vec<Finding> {
    notes
        .findings
        .into_iter()
        .filter_map(|note| {
            let passage = passages.get(note.passage.checked_sub(1)?)?.clone();
            Some(Finding { passage, note: note.note })
        })
        .collect()
}

/// Joins the model's plan with the findings it rests on. Sections that rest on nothing are left out.
fn outlined(plan: Plan, findings: &[Finding]) -> Outline {
    let sections = plan.sections.into_iter().map(|section| SectionPlan {
        heading: section.heading.split_whitespace().collect::<Vec<_>>().join(" "),
        findings: section.passages.iter().filter_map(|n| findings.get(n.checked_sub(1)?).cloned()).collect(),
    });
    let sections = sections.filter(|section| !section.findings.is_empty()).take(MAX_SECTIONS).collect();
    Outline { title: plan.title, sections }
}

/// The article with the list of what it quotes. The list is made here: a model could invent one.
fn with_sources(article: &str, outline: &Outline) -> String {
    let mut sources: Vec<String> = outline
        .sections
        .iter()
        .flat_map(|section| &section.findings)
        .map(|finding| finding.passage.source())
        .collect();
    sources.sort();
    sources.dedup();
    let list: String = sources.iter().map(|source| format!("- {source}\n")).collect();
    format!("{}\n\n## Sources\n\n{list}", article.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(package: &str) -> Passage {
        Passage {
            package: package.to_owned(),
            version: "1.0.0".to_owned(),
            file: "README.md".to_owned(),
            heading: String::new(),
            text: "Text.".to_owned(),
        }
    }

    fn finding(package: &str) -> Finding {
        Finding { passage: passage(package), note: "Note.".to_owned() }
    }

    #[test]
    fn numbers_that_a_model_made_up_are_left_out() {
        let note = |passage| Note { passage, note: "Note.".to_owned() };
        let found =
            findings(Notes { findings: vec![note(0), note(2), note(3)] }, &[passage("a"), passage("b")]);
        assert_eq!(found.iter().map(|f| f.passage.package.as_str()).collect::<Vec<_>>(), ["b"]);

        let section = |heading: &str, passages: &[usize]| PlannedSection {
            heading: heading.to_owned(),
            passages: passages.to_vec(),
        };
        let sections = vec![section("One\n more", &[1, 9]), section("Empty", &[0]), section("None", &[])];
        let outline = outlined(Plan { title: "Title".to_owned(), sections }, &[finding("a")]);
        assert_eq!(outline.sections.len(), 1);
        assert_eq!(outline.sections[0].heading, "One more");
        assert_eq!(outline.sections[0].findings.len(), 1);
    }

    #[test]
    fn an_article_without_a_section_or_with_an_empty_one_is_not_whole() {
        let headings = ["One".to_owned(), "Two".to_owned()];
        assert!(is_whole("# T\n\n## One\n\ntext\n\n## Two\n\ntext", &headings));
        for article in
            ["", "# T\n\n## One\n\ntext", "# T\n\n## One\n\n## Two\n\ntext", "## One\n\na\n\n## Twofold\n\nb"]
        {
            assert!(!is_whole(article, &headings), "{article:?}");
        }
    }

    #[test]
    fn sources_are_listed_once_in_their_order() {
        let plan = |packages: &[&str]| SectionPlan {
            heading: "H".to_owned(),
            findings: packages.iter().map(|package| finding(package)).collect(),
        };
        let outline = Outline { title: "T".to_owned(), sections: vec![plan(&["b", "a"]), plan(&["b"])] };
        let expected = "text\n\n## Sources\n\n- a 1.0.0, README.md\n- b 1.0.0, README.md\n";
        assert_eq!(with_sources("text\n\n", &outline), expected);
    }
}
