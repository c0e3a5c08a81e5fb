//! What goes wrong between here and a model, and what is to be done about it.

use std::time::{Duration, SystemTime};

use genai::webc;
use gensx::Fate;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// A server that wants more patience than this is out of service for this run.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
/// Of a server's own words, this much is shown.
const MAX_MESSAGE_CHARS: usize = 300;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A failed request to a model.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LlmError {
    #[error("the model server asks to come back later (429)")]
    Throttled { retry_after: Option<Duration> },
    #[error("the model server failed ({status}): {message}")]
    Failed { status: u16, message: String },
    #[error("the model server refused the request ({status}): {message}")]
    Refused { status: u16, message: String },
    #[error("the answer broke off before its end")]
    Cut { source: Option<BoxError> },
    #[error("the answer is not in the format of chat completions")]
    Garbled { source: BoxError },
    #[error("the answer is not the JSON that was asked for")]
    WrongShape { source: serde_json::Error },
    #[error("the answer is empty")]
    Empty,
    #[error("the answer is longer than {max_bytes} bytes")]
    Endless { max_bytes: usize },
    #[error("the model server cannot be reached")]
    Unreachable { source: BoxError },
    #[error("the request could not be made")]
    Client { source: BoxError },
}

impl LlmError {
    /// What to do about the error: ask again, after a while, or not at all.
    pub(crate) fn fate(&self) -> Fate {
        match self {
            Self::Throttled { retry_after: Some(wait) } if *wait > MAX_RETRY_AFTER => Fate::Permanent,
            Self::Throttled { retry_after: Some(wait) } => Fate::RetryAfter(*wait),
            Self::Throttled { retry_after: None }
            | Self::Failed { .. }
            | Self::Cut { .. }
            | Self::Garbled { .. }
            | Self::WrongShape { .. }
            | Self::Empty
            | Self::Unreachable { .. } => Fate::Retry,
            Self::Refused { .. } | Self::Endless { .. } | Self::Client { .. } => Fate::Permanent,
        }
    }

    /// Sorts out the client's error. The status decides where there is one.
    pub(super) fn from_genai(error: genai::Error) -> Self {
        if let (Some(status), Some(headers)) = (error.status(), error.headers()) {
            return Self::from_status(status, headers, body_of(&error));
        }
        match error {
            // A failed streamed request hides its status one level deeper.
            genai::Error::WebStream { error, .. } => match error.downcast::<genai::Error>() {
                Ok(inner) => Self::from_genai(*inner),
                Err(error) => Self::from_transport(error),
            },
            genai::Error::WebModelCall { webc_error: webc::Error::Reqwest(error), .. } => {
                Self::from_transport(error.into())
            }
            genai::Error::ChatResponse { body, .. } => {
                Self::Failed { status: StatusCode::OK.as_u16(), message: shortened(&body.to_string()) }
            }
            error @ (genai::Error::WebModelCall { .. }
            | genai::Error::StreamParse { .. }
            | genai::Error::ChatResponseGeneration { .. }
            | genai::Error::InvalidJsonResponseElement { .. }
            | genai::Error::NoChatResponse { .. }) => Self::Garbled { source: error.into() },
            error => Self::Client { source: error.into() },
        }
    }

    fn from_status(status: StatusCode, headers: &HeaderMap, body: &str) -> Self {
        let told = ErrorBody::read(body);
        let status_code = status.as_u16();
        match status {
            // OpenAI answers 429 to an account without credit too: waiting does not fill it.
            StatusCode::TOO_MANY_REQUESTS if told.code != "insufficient_quota" => {
                Self::Throttled { retry_after: retry_after(headers, SystemTime::now()) }
            }
            StatusCode::REQUEST_TIMEOUT => Self::Failed { status: status_code, message: told.message },
            _ if status.is_server_error() => Self::Failed { status: status_code, message: told.message },
            _ => Self::Refused { status: status_code, message: told.message },
        }
    }

    /// An error below HTTP's statuses: the connection never stood, or fell.
    fn from_transport(error: BoxError) -> Self {
        match error.downcast_ref::<reqwest::Error>() {
            Some(http) if http.is_builder() => Self::Client { source: error },
            Some(http) if http.is_connect() || http.is_request() => Self::Unreachable { source: error },
            _ => Self::Cut { source: Some(error) },
        }
    }
}

fn body_of(error: &genai::Error) -> &str {
    match error {
        genai::Error::HttpError { body, .. }
        | genai::Error::WebModelCall { webc_error: webc::Error::ResponseFailedStatus { body, .. }, .. } => {
            body
        }
        _ => "",
    }
}

/// What an OpenAI-compatible server says with a refusal.
struct ErrorBody {
    code: String,
    message: String,
}

impl ErrorBody {
    fn read(body: &str) -> Self {
        let value: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let field = |name: &str| value["error"][name].as_str().unwrap_or_default().to_owned();
        let message = field("message");
        // A proxy in between answers in its own format.
        let message = if message.is_empty() { body } else { &message };
        let message = if message.trim().is_empty() { "it does not say why" } else { message };
        Self { code: field("code"), message: shortened(message) }
    }
}

fn shortened(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_MESSAGE_CHARS).collect()
}

/// `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> LlmError {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        LlmError::from_status(StatusCode::from_u16(status).unwrap(), &map, body)
    }

    #[test]
    fn the_status_decides_what_is_done() {
        let quota = r#"{"error": {"code": "insufficient_quota", "message": "no credit"}}"#;
        for (status, headers, body, fate) in [
            (429, &[("retry-after", "3")][..], "", Fate::RetryAfter(Duration::from_secs(3))),
            (429, &[], "", Fate::Retry),
            (429, &[("retry-after", "soon")], "", Fate::Retry),
            (429, &[("retry-after", "86400")], "", Fate::Permanent),
            (429, &[("retry-after", "3")], quota, Fate::Permanent),
            (500, &[], "", Fate::Retry),
            (503, &[], "<html>", Fate::Retry),
            (408, &[], "", Fate::Retry),
            (400, &[], "", Fate::Permanent),
            (401, &[], "", Fate::Permanent),
            (404, &[], "", Fate::Permanent),
        ] {
            assert_eq!(classified(status, headers, body).fate(), fate, "{status} {headers:?} {body}");
        }
    }

    #[test]
    fn retry_after_may_be_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let wait = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:00 GMT"), Some(Duration::from_secs(23)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let error = classified(401, &[], r#"{"error": {"message": "wrong key"}}"#);
        assert_eq!(error.to_string(), "the model server refused the request (401): wrong key");
    }
}
