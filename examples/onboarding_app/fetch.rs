//! Pages over HTTP, each within its bounds.

use std::sync::OnceLock;
use std::time::Duration;

use gensx::Fate;
use reqwest::{Client, Response, StatusCode, Url, header, redirect};
use serde::{Deserialize, Serialize};

use crate::html::{self, Page};

/// Of a page, this much is looked at.
const MAX_PAGE_BYTES: usize = 512 * 1024;
/// Redirects, all within the site's own origin.
const MAX_REDIRECTS: usize = 3;
/// A server that does not take the connection in this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Who asks, for the site's log and its `robots.txt`.
const USER_AGENT: &str = concat!("gensx-onboarding/", env!("CARGO_PKG_VERSION"));

/// Why a page was not read.
#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the site answered {status}")]
    Status { status: u16 },
    #[error("the page is elsewhere: {location}")]
    Elsewhere { location: String },
    #[error("the page is no HTML but `{media_type}`")]
    NotHtml { media_type: String },
    #[error("the site cannot be reached: {reason}")]
    Unreachable { reason: String },
}

impl ReadError {
    /// A page that is not there now will not be in a second; a server in trouble may have recovered.
    pub(crate) fn fate(&self) -> Fate {
        match self {
            Self::Status { status: 408 | 425 | 429 | 500..=599 } | Self::Unreachable { .. } => Fate::Retry,
            Self::Status { .. } | Self::Elsewhere { .. } | Self::NotHtml { .. } => Fate::Permanent,
        }
    }

    fn unreachable(error: &reqwest::Error) -> Self {
        // The URL is the component's input already.
        let mut reason = String::new();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(this) = cause {
            reason = this.to_string();
            cause = this.source();
        }
        Self::Unreachable { reason: if reason.is_empty() { error.to_string() } else { reason } }
    }
}

/// A page's text and links.
///
/// # Errors
/// For any answer but a successful one with HTML.
pub(crate) async fn page(url: &str) -> Result<Page, ReadError> {
    let response = get(url).await?;
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("text/html").to_owned();
    if !media_type.starts_with("text/html") && !media_type.starts_with("application/xhtml") {
        return Err(ReadError::NotHtml { media_type });
    }
    let base = response.url().clone();
    Ok(html::page(&body(response).await?, &base))
}

/// A text file.
///
/// # Errors
/// For any answer but a successful one.
pub(crate) async fn text(url: &str) -> Result<String, ReadError> {
    body(get(url).await?).await
}

async fn get(url: &str) -> Result<Response, ReadError> {
    let parsed = Url::parse(url).map_err(|error| ReadError::Unreachable { reason: error.to_string() })?;
    let response =
        client(&parsed)?.get(parsed).send().await.map_err(|error| ReadError::unreachable(&error))?;
    match response.status() {
        StatusCode::OK => Ok(response),
        status if status.is_redirection() => Err(elsewhere(&response)),
        status => Err(ReadError::Status { status: status.as_u16() }),
    }
}

/// A redirect that was not followed: to another origin, or one too many.
fn elsewhere(response: &Response) -> ReadError {
    let location = response.headers().get(header::LOCATION).map(|value| value.as_bytes());
    ReadError::Elsewhere { location: String::from_utf8_lossy(location.unwrap_or(b"nowhere")).into_owned() }
}

/// The body up to the bound: the rest of a page that is longer stays where it is.
async fn body(mut response: Response) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| ReadError::unreachable(&error))? {
        let room = MAX_PAGE_BYTES - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A proxy set for the outside world does not know this machine's loopback.
fn client(url: &Url) -> Result<&'static Client, ReadError> {
    static OUTSIDE: OnceLock<Client> = OnceLock::new();
    static LOOPBACK: OnceLock<Client> = OnceLock::new();
    let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let cell = if loopback { &LOOPBACK } else { &OUTSIDE };
    if let Some(client) = cell.get() {
        return Ok(client);
    }
    let client = build(loopback).map_err(|error| ReadError::unreachable(&error))?;
    Ok(cell.get_or_init(|| client))
}

fn build(loopback: bool) -> reqwest::Result<Client> {
    // A second client finds the provider installed: that is the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT).user_agent(USER_AGENT).redirect(
        redirect::Policy::custom(|attempt| {
            let own =
                attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
            if own && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
        }),
    );
    if loopback { builder.no_proxy().build() } else { builder.build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again() {
        let status = |status| ReadError::Status { status }.fate();
        assert_eq!([429, 500, 503].map(status), [Fate::Retry; 3]);
        assert_eq!([403, 404, 410].map(status), [Fate::Permanent; 3]);
    }
}
