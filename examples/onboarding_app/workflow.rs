//! A site: its pages are found, read and summed up, and then the whole of it.

use futures_util::{StreamExt as _, stream};
use gensx::prelude::*;
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fetch::{self, ReadError};
use crate::html::Page;
use crate::links::Frontier;
use crate::model::prompt::{Block, Prompt, Task};
use crate::model::{PATIENT, ask, stream as stream_text};
use crate::robots::Rules;

/// Pages of one crawl.
const MAX_PAGES: usize = 40;
/// Links from the first page to the last one.
const MAX_DEPTH: usize = 3;
/// Pages that are read at once: a site is also somebody's server.
const AT_ONCE: usize = 4;
/// Pages that the overview is made of.
const MAX_IN_OVERVIEW: usize = 40;

/// Where to begin.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Site {
    /// The URL of the first page, `http` or `https`. The crawl stays in its folder.
    #[schemars(length(min = 1, max = 2000))]
    pub(crate) url: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Report {
    pub(crate) summarised: usize,
    pub(crate) failed: usize,
    /// What the site is about.
    pub(crate) overview: String,
}

/// Pages that were found, for who watches: the event `found`.
#[derive(Debug, Serialize)]
struct Found<'a> {
    urls: &'a [String],
    depth: usize,
}

/// A page that was read and summed up.
struct Digested {
    title: String,
    summary: String,
    links: Vec<String>,
}

/// The model's answer to [`Task::Digest`].
#[derive(Debug, Deserialize)]
struct Summary {
    summary: String,
}

/// The whole crawl, one depth after the other. What is recorded of it is not read or asked again.
#[component]
pub(crate) async fn onboard(site: Site) -> anyhow::Result<Report> {
    let start = Url::parse(&site.url).permanent()?;
    let rules = Rules::parse(&robots(start.join("/robots.txt").permanent()?.to_string()).await?);
    let mut frontier = Frontier::new(&start, rules, MAX_PAGES).permanent()?;
    let (mut digested, mut failed) = (Vec::new(), 0);
    for depth in 0..=MAX_DEPTH {
        let level = frontier.take_level();
        if level.is_empty() {
            break;
        }
        gensx::emit("found", &Found { urls: &level, depth });
        let mut pages = stream::iter(level).map(digest).buffered(AT_ONCE);
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => {
                    frontier.add(&page.links);
                    digested.push((page.title, page.summary));
                }
                // It has used up its attempts, and its own events say why. The others are worth having without it.
                Err(_) => failed += 1,
            }
        }
    }
    if digested.is_empty() {
        return Err(gensx::permanent(format!("no page of {} could be read", site.url)).into());
    }
    let summarised = digested.len();
    digested.truncate(MAX_IN_OVERVIEW);
    let overview = overview(site.url, digested).await?;
    Ok(Report { summarised, failed, overview })
}

async fn digest(url: String) -> gensx::Result<Digested> {
    let Page { title, text, links } = read(url.clone()).label(url.clone()).await?;
    let summary = summarise(title.clone(), text).key(url.as_str()).label(url.as_str()).await?;
    Ok(Digested { title, summary, links })
}

/// What the site asks robots for.
#[component(retry(max_attempts = 3, initial = "400ms", max = "4s"), timeout = "4s")]
async fn robots(url: String) -> Result<String, ReadError> {
    match fetch::text(&url).await {
        Ok(text) => Ok(text),
        // RFC 9309: a site without the file asks for nothing.
        Err(ReadError::Status { status: 400..=499 }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Reads one page.
#[component(retry(max_attempts = 3, initial = "400ms", max = "4s"), timeout = "4s")]
async fn read(url: String) -> Result<Page, ReadError> {
    fetch::page(&url).await
}

/// Has the model sum up one page.
#[component(retry = PATIENT)]
async fn summarise(title: String, text: String) -> anyhow::Result<String> {
    if text.is_empty() {
        return Ok("A page without text.".to_owned());
    }
    let block = Block { source: String::new(), heading: title.clone(), text };
    let prompt = Prompt { task: Task::Digest, topic: title.clone(), title, blocks: vec![block] };
    let answer: Summary = ask("digest", &prompt).await?;
    Ok(answer.summary)
}

/// Has the model sum up the site from the summaries of its pages.
#[component(retry = PATIENT)]
async fn overview(url: String, pages: Vec<(String, String)>) -> anyhow::Result<String> {
    let block = |(heading, text)| Block { source: String::new(), heading, text };
    let blocks = pages.into_iter().map(block).collect();
    let prompt = Prompt { task: Task::Overview, topic: url, title: String::new(), blocks };
    stream_text("overview", &prompt).await
}
