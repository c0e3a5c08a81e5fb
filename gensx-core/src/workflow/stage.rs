//! What a workflow says of its stages, for pages that show what is still to come.

use serde::{Deserialize, Serialize};

/// A workflow's stages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The workflow's name.
    pub name: String,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

/// One stage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stage {
    /// Its label, or its component's name.
    pub name: String,
    /// What it does.
    pub kind: StageKind,
    /// The path of its component's function, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The stages inside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
}

/// What a stage does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StageKind {
    /// It calls one component.
    Component,
    /// It is a workflow of its own.
    Workflow,
}

impl Stage {
    /// The stage of a function whose type is called `path`.
    pub(crate) fn of_function(path: &str) -> Self {
        let path = path.trim_end_matches("::{{closure}}");
        let name = path.rsplit("::").next().unwrap_or(path).to_owned();
        Self { name, kind: StageKind::Component, path: Some(path.to_owned()), stages: Vec::new() }
    }

    pub(crate) fn plan(self) -> Plan {
        match self.kind {
            StageKind::Workflow => Plan { name: self.name, stages: self.stages },
            StageKind::Component => Plan { name: self.name.clone(), stages: vec![self] },
        }
    }
}
