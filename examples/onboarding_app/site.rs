//! A site for whoever has none at hand: documentation that is on this machine, as real pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use axum::{Json, Router, routing::get};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};
use serde_json::json;
use tower_http::services::ServeDir;

/// Where pages are put that are made here.
const FOLDER: &str = ".gensx/site";
/// Files of Markdown in one folder that become pages.
const MAX_FILES: usize = 100;

/// What is served under `/site/`.
struct Site {
    about: &'static str,
    folder: PathBuf,
    /// The page to begin with.
    first: String,
}

/// `/site/..`, and `/site.json`, which says what that is and where it begins.
///
/// # Errors
/// When no documentation is found and none can be written.
pub(crate) fn routes() -> anyhow::Result<Router> {
    let Site { about, folder, first } = toolchain().or_else(built).map_or_else(rendered, Ok)?;
    let told = json!({ "about": about, "first": format!("/site/{first}") });
    Ok(Router::new()
        .route("/site.json", get(move || async move { Json(told) }))
        .nest_service("/site", ServeDir::new(folder)))
}

/// The documentation that came with the toolchain.
fn toolchain() -> Option<Site> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let root = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let folder = root.join("share/doc/rust/html");
    let about = "the documentation of the Rust toolchain on this machine";
    folder.join("index.html").is_file().then(|| Site { about, folder, first: "index.html".into() })
}

/// What `cargo doc` has made of this project.
fn built() -> Option<Site> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/doc");
    let about = "the reference of this project, by cargo doc";
    folder.join("gensx/index.html").is_file().then(|| Site {
        about,
        folder,
        first: "gensx/index.html".into(),
    })
}

/// The project's own pages of Markdown.
fn rendered() -> anyhow::Result<Site> {
    let (root, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")), PathBuf::from(FOLDER));
    write_pages(root, &folder)?;
    write_pages(&root.join("docs"), &folder.join("docs"))?;
    Ok(Site { about: "the documentation of this project", folder, first: "README.html".into() })
}

fn write_pages(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("the folder {} cannot be made", to.display()))?;
    let files = fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))?;
    let files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let markdown = files.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    for path in markdown.take(MAX_FILES) {
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let page = to.join(format!("{name}.html"));
        fs::write(&page, render(&name, &text))
            .with_context(|| format!("{} cannot be written", page.display()))?;
    }
    Ok(())
}

/// A page of Markdown as HTML; links to others lead to their HTML.
fn render(name: &str, markdown: &str) -> String {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(|event| match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: page_of(dest_url), title, id })
        }
        // A title comes from the text, so raw HTML has nothing to add.
        Event::Html(_) | Event::InlineHtml(_) => Event::Text("".into()),
        other => other,
    });
    let mut body = String::new();
    html::push_html(&mut body, events);
    let title = markdown.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(name);
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>{body}</body></html>\n"
    )
}

fn page_of(link: CowStr<'_>) -> CowStr<'_> {
    if link.contains("://") {
        return link;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
    match path.strip_suffix(".md") {
        Some(path) if fragment.is_empty() => format!("{path}.html").into(),
        Some(path) => format!("{path}.html#{fragment}").into(),
        None => link,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_markdown_become_pages_that_lead_to_each_other() {
        let page = render(
            "x",
            "# Tides & <moons>\n\n[more](docs/a.md#b), [out](https://a.test/b.md)\n\n<script>x</script>\n",
        );
        assert!(page.contains("<title>Tides &amp; &lt;moons></title>"), "{page}");
        assert!(
            page.contains("href=\"docs/a.html#b\"") && page.contains("href=\"https://a.test/b.md\""),
            "{page}"
        );
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn this_project_has_pages() {
        let folder = tempfile::tempdir().unwrap();
        write_pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"), folder.path()).unwrap();
        let page = fs::read_to_string(folder.path().join("guide.html")).unwrap();
        assert!(page.contains("<title>The guide</title>") && page.contains("<h2>1. Recorded is done</h2>"));
    }
}
