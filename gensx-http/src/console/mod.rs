//! The console: a page over the API, for people who look at runs.
//!
//! It is plain files, served as they are, and knows no more than the API tells whoever asks: the page itself holds no data.

mod assets;

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::{
    api::Shared,
    problem::{Answer, Problem},
};
use assets::Asset;

/// Nothing runs but the page's own files, it talks to its own origin only, and no page of others frames it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `GET /console`, and the files that the page names relative to itself: wherever the router is nested, they are found.
pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/console", get(page)).route("/console/{asset}", get(file))
}

async fn page(headers: HeaderMap) -> Answer {
    answer(assets::find(assets::PAGE), &headers)
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Answer {
    answer(assets::find(&name).filter(|asset| asset.name != assets::PAGE), &headers)
}

fn answer(asset: Option<&Asset>, request: &HeaderMap) -> Answer {
    let asset = asset.ok_or_else(|| Problem::not_found("the console has no such file"))?;
    let tag = asset.tag();
    let known = request.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|tags| tags.to_str().ok());
    let mut response = if known.flat_map(|tags| tags.split(',')).any(|known| same(known, &tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.content_type())], asset.content).into_response()
    };
    harden(&mut response);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Compared weakly: a proxy that compresses may have weakened it.
fn same(known: &str, tag: &str) -> bool {
    let known = known.trim();
    known.strip_prefix("W/").unwrap_or(known) == tag
}

fn harden(response: &mut Response) {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // Asked for anew at each visit, so that a page never meets scripts of another version.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ];
    response.headers_mut().extend(headers);
}
