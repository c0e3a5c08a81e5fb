//! What a workflow says of its stages, for pages that show what is still to come.

use serde::{Deserialize, Serialize};

use super::mermaid;

/// A workflow's stages. The first event of a run carries them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The workflow's name.
    pub name: String,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

impl Plan {
    /// The plan as a [Mermaid](https://mermaid.js.org/syntax/flowchart.html) flowchart.
    #[must_use]
    pub fn mermaid(&self) -> String {
        mermaid::flowchart(self)
    }
}

/// One stage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stage {
    /// The name of its component's function or of its workflow, or a word for what it does.
    pub name: String,
    /// What it does.
    pub kind: StageKind,
    /// The path of its function, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What [`named`](crate::Workflow::named) calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The stages inside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
}

/// What a stage does with the stages inside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StageKind {
    /// It calls one component.
    Component,
    /// It is a workflow of its own: its stages follow each other.
    Workflow,
    /// It changes a value by a function.
    Map,
    /// It calls its one component for each item of a list.
    ForEach,
    /// It calls all of them at once and waits for all.
    Join,
    /// It calls the first one if a predicate holds, the second one otherwise.
    Branch,
    /// It calls all of them at once and waits for the first success.
    Race,
    /// It calls the second one if the first one fails.
    OrElse,
    /// It answers for the stages inside it, which follow each other, when one fails.
    Catch,
    /// A kind that a newer version wrote.
    #[serde(other)]
    Unknown,
}

/// What a closure's type is called behind the function that it stands in.
const CLOSURE: &str = "::{{closure}}";

impl Stage {
    /// The stage of a component whose type is called `path`.
    pub(crate) fn of_function(path: &str) -> Self {
        Self::of_type(StageKind::Component, path, "closure")
    }

    /// A stage of a function `F` of the application; `word` is its name where `F` has none.
    pub(super) fn of_closure<F>(kind: StageKind, word: &str) -> Self {
        Self::of_type(kind, std::any::type_name::<F>(), word)
    }

    pub(super) fn of_workflow(name: &str, stages: Vec<Self>) -> Self {
        Self::group(StageKind::Workflow, name, stages)
    }

    pub(super) fn group(kind: StageKind, name: &str, stages: Vec<Self>) -> Self {
        Self { name: name.to_owned(), kind, path: None, label: None, stages }
    }

    pub(super) fn around(self, stages: Vec<Self>) -> Self {
        Self { stages, ..self }
    }

    fn of_type(kind: StageKind, path: &str, word: &str) -> Self {
        let nameless = path.ends_with(CLOSURE) || !path.contains("::") || path.starts_with("fn(");
        let name = if nameless { word } else { last_segment(path) };
        let path = (!path.starts_with("fn(")).then(|| path.trim_end_matches(CLOSURE).to_owned());
        Self { name: name.to_owned(), kind, path, label: None, stages: Vec::new() }
    }

    pub(crate) fn plan(self) -> Plan {
        match self.kind {
            StageKind::Workflow => Plan { name: self.name, stages: self.stages },
            _ => Plan { name: self.name.clone(), stages: vec![self] },
        }
    }

    /// What people call it.
    pub(super) fn title(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }
}

/// The function's name in the path of its type, without type arguments: `write` of `app::write<alloc::string::String>`.
fn last_segment(path: &str) -> &str {
    let mut depth = 0_usize;
    let (mut from, mut end) = (0, path.len());
    for (at, sign) in path.char_indices() {
        match sign {
            '<' => {
                if depth == 0 && at > from {
                    end = at;
                }
                depth += 1;
            }
            '>' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => (from, end) = (at + 1, path.len()),
            _ => {}
        }
    }
    &path[from..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_named_by_its_function() {
        let name = |path| Stage::of_function(path).name;
        assert_eq!(name("app::write"), "write");
        assert_eq!(name("app::write<alloc::string::String>"), "write");
        assert_eq!(name("app::Client<app::Http>::ask"), "ask");
        assert_eq!(name("<app::Client<u8> as app::Asks>::ask<u8>"), "ask");
        assert_eq!(name("app::main::{{closure}}"), "closure");
        assert_eq!(name("fn(alloc::string::String) -> gensx_core::call::Call<u8>"), "closure");
        assert_eq!(Stage::of_function("app::main::{{closure}}").path.as_deref(), Some("app::main"));
    }

    #[test]
    fn a_plan_of_a_newer_version_is_read() {
        let plan = r#"{"name":"w","stages":[{"name":"s","kind":"teleport","speed":1}]}"#;
        let plan: Plan = serde_json::from_str(plan).unwrap();
        assert_eq!(plan.stages[0].kind, StageKind::Unknown);
    }
}
