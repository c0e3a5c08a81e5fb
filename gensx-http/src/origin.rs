//! Requests that come from other sites' pages, and what answers say to browsers.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tower_http::compression::{
    CompressionLayer, Predicate,
    predicate::{DefaultPredicate, NotForContentType},
};

use crate::{api::Shared, problem::Problem};

/// Refuses what would change something and comes from a page of an origin that may not: a browser sends it with the user's
/// cookies, whether or not the page may see the answer.
pub(crate) async fn refuse_other_sites(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    if !request.method().is_safe() && is_foreign(request.headers(), &shared.options.origins) {
        let text = "a page of this origin may not do that";
        return Problem::new(StatusCode::FORBIDDEN, "cross_site", text).into_response();
    }
    next.run(request).await
}

fn is_foreign(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        // Browsers that say nothing of the origin say at least this.
        return headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    };
    let Ok(origin) = origin.to_str() else { return true };
    if allowed.iter().any(|allowed| allowed == "*" || allowed == origin) {
        return false;
    }
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = origin.split_once("://").map(|(_, host)| host);
    own.is_none() || host != own
}

/// Headers of every answer.
pub(crate) async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.entry(policy).or_insert(HeaderValue::from_static("cross-origin"));
    response
}

/// Pages are compressed. Streams are not: an event would wait in the compressor for the next one.
pub(crate) fn compression() -> CompressionLayer<impl Predicate> {
    let pages = DefaultPredicate::new().and(NotForContentType::const_new("application/x-ndjson"));
    CompressionLayer::new().compress_when(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn an_origin_is_the_apis_own_or_allowed() {
        let allowed = ["https://app.example.com".to_owned()];
        let is = |pairs: &[(&'static str, &'static str)]| is_foreign(&headers(pairs), &allowed);
        assert!(!is(&[("host", "api.example.com")]), "not a page");
        assert!(!is(&[("host", "api.example.com"), ("origin", "https://api.example.com")]));
        assert!(!is(&[("host", "api.example.com"), ("origin", "https://app.example.com")]));
        assert!(is(&[("host", "api.example.com"), ("origin", "https://evil.example.com")]));
        assert!(is(&[("host", "api.example.com"), ("origin", "null")]));
        assert!(is(&[("origin", "https://api.example.com")]), "no host to compare with");
        assert!(is(&[("host", "api.example.com"), ("sec-fetch-site", "cross-site")]));
    }
}
