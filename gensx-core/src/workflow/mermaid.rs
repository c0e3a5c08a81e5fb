//! A plan as Mermaid text.

use std::fmt::Write as _;

use super::{Plan, Stage, StageKind};

/// The chart of a plan, from its input to its output.
pub(super) fn flowchart(plan: &Plan) -> String {
    let mut chart = Chart { text: "flowchart TD\n".to_owned(), edges: String::new(), nodes: 0, depth: 1 };
    let begin = chart.node("([", &plan.name, "])");
    let ends = chart.sequence(&plan.stages, vec![Edge::from(begin)]);
    let end = chart.node("([", "output", "])");
    chart.connect(&ends, &end);
    chart.text + &chart.edges
}

struct Chart {
    text: String,
    /// Arrows stand after all boxes: a box would draw into it every node that an arrow inside it names.
    edges: String,
    nodes: usize,
    depth: usize,
}

/// An arrow that waits for the node it leads to.
#[derive(Clone)]
struct Edge {
    from: String,
    arrow: &'static str,
}

impl From<String> for Edge {
    fn from(from: String) -> Self {
        Self { from, arrow: "-->" }
    }
}

impl Edge {
    fn labelled(from: &str, arrow: &'static str) -> Vec<Self> {
        vec![Self { from: from.to_owned(), arrow }]
    }
}

const ON_YES: &str = "-->|yes|";
const ON_NO: &str = "-->|no|";
const ON_ERROR: &str = "-.->|on error|";

impl Chart {
    fn sequence(&mut self, stages: &[Stage], from: Vec<Edge>) -> Vec<Edge> {
        stages.iter().fold(from, |from, stage| self.stage(stage, &from))
    }

    /// Draws a stage behind `from` and gives the arrows that leave it.
    fn stage(&mut self, stage: &Stage, from: &[Edge]) -> Vec<Edge> {
        match (stage.kind, stage.stages.as_slice()) {
            (StageKind::Map, _) => self.step(from, "[/", stage.title(), "/]"),
            (StageKind::ForEach, [item]) => {
                let title = stage.label.as_deref().unwrap_or(item.title());
                self.step(from, "[[", &format!("{title}, for each"), "]]")
            }
            (StageKind::Branch, [yes, no]) => self.branch(stage, (yes, no), from),
            (StageKind::OrElse, [first, other]) => self.or_else(stage, (first, other), from),
            (StageKind::Join | StageKind::Race, branches) => self.fork(stage, branches, from),
            (StageKind::Catch, stages) => self.catch(stage, stages, from),
            (StageKind::Workflow, stages) if !stages.is_empty() => {
                self.inside(stage.title(), |chart| chart.sequence(stages, from.to_vec())).1
            }
            _ => self.step(from, "[", stage.title(), "]"),
        }
    }

    /// Draws one node behind `from`, and gives the one arrow that leaves it.
    fn step(&mut self, from: &[Edge], open: &str, title: &str, close: &str) -> Vec<Edge> {
        let node = self.node(open, title, close);
        self.connect(from, &node);
        vec![node.into()]
    }

    fn branch(&mut self, stage: &Stage, (yes, no): (&Stage, &Stage), from: &[Edge]) -> Vec<Edge> {
        let choice = self.node("{", stage.title(), "}");
        self.connect(from, &choice);
        let mut ends = self.stage(yes, &Edge::labelled(&choice, ON_YES));
        ends.extend(self.stage(no, &Edge::labelled(&choice, ON_NO)));
        ends
    }

    fn or_else(&mut self, stage: &Stage, (first, other): (&Stage, &Stage), from: &[Edge]) -> Vec<Edge> {
        let (id, mut ends) = match (first.stages.as_slice(), first.kind) {
            ([], _) | (_, StageKind::ForEach) => {
                let ends = self.stage(first, from);
                (ends[0].from.clone(), ends)
            }
            _ => self.inside(first.title(), |chart| chart.stage(first, from)),
        };
        let other = Stage { label: stage.label.clone().or_else(|| other.label.clone()), ..other.clone() };
        ends.extend(self.stage(&other, &Edge::labelled(&id, ON_ERROR)));
        ends
    }

    fn fork(&mut self, stage: &Stage, branches: &[Stage], from: &[Edge]) -> Vec<Edge> {
        let (_, ends) = self.inside(stage.title(), |chart| {
            branches.iter().flat_map(|branch| chart.stage(branch, from)).collect()
        });
        let word = if stage.kind == StageKind::Race { "first success" } else { "all" };
        self.step(&ends, "((", word, "))")
    }

    fn catch(&mut self, stage: &Stage, stages: &[Stage], from: &[Edge]) -> Vec<Edge> {
        let (id, mut ends) = self.inside("try", |chart| chart.sequence(stages, from.to_vec()));
        ends.extend(self.step(&Edge::labelled(&id, ON_ERROR), "[", stage.title(), "]"));
        ends
    }

    /// Draws in a box of its own, and gives the box's id too.
    fn inside(&mut self, title: &str, draw: impl FnOnce(&mut Self) -> Vec<Edge>) -> (String, Vec<Edge>) {
        let id = self.next_id();
        self.line(&format!("subgraph {id}[\"{}\"]", escaped(title)));
        self.depth += 1;
        let ends = draw(self);
        self.depth -= 1;
        self.line("end");
        (id, ends)
    }

    fn node(&mut self, open: &str, title: &str, close: &str) -> String {
        let id = self.next_id();
        self.line(&format!("{id}{open}\"{}\"{close}", escaped(title)));
        id
    }

    fn connect(&mut self, from: &[Edge], to: &str) {
        for edge in from {
            // Writing to a string cannot fail.
            let _ = writeln!(self.edges, "    {} {} {to}", edge.from, edge.arrow);
        }
    }

    fn next_id(&mut self) -> String {
        self.nodes += 1;
        format!("s{}", self.nodes)
    }

    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:1$}{line}", "", 4 * self.depth);
    }
}

/// A title for a quoted label: what Mermaid or HTML would read as more than text becomes an entity.
fn escaped(title: &str) -> String {
    let mut text = String::with_capacity(title.len());
    for sign in title.chars() {
        match sign {
            '"' | '#' | '%' | '<' | '>' | '&' | '`' | '\\' => {
                // Writing to a string cannot fail.
                let _ = write!(text, "#{};", u32::from(sign));
            }
            sign if sign.is_control() => text.push(' '),
            sign => text.push(sign),
        }
    }
    text
}
