//! What a request asks of a stream: from where, and how.

use axum::http::{HeaderMap, Uri, header};

use super::store::{BEGINNING, NOW, Offset, Start};
use crate::query::Query;

/// A reader that comes back, as `EventSource` says it.
const LAST_EVENT_ID: &str = "last-event-id";
/// The same for those that cannot send the header.
const LAST_EVENT_ID_PARAMETER: &str = "lastEventId";

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum From {
    Start(Start),
    Now,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    CatchUp,
    LongPoll,
    Sse,
    /// Lines of JSON, until the end.
    Lines,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ask {
    pub(crate) from: From,
    pub(crate) mode: Mode,
    /// The cursor that the client got last.
    pub(crate) cursor: Option<String>,
    /// Whether it is a reader that comes back by itself.
    pub(crate) returns: bool,
    /// Whether it is a reader of the protocol, which knows an answer's end from the stream's.
    pub(crate) knows_ends: bool,
}

/// Reads what is asked; the error says what is wrong with it.
pub(crate) fn ask(uri: &Uri, headers: &HeaderMap) -> Result<Ask, String> {
    let query = Query::of(uri);
    let offsets: Vec<&str> = query.all("offset").collect();
    let given = match offsets.as_slice() {
        [] => None,
        [one] => Some(from(one)?),
        _ => return Err("`offset` is given more than once".to_owned()),
    };
    let last_event_id = headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or("?"));
    let last_event_id =
        last_event_id.or_else(|| query.first(LAST_EVENT_ID_PARAMETER)).filter(|id| !id.is_empty());
    let mode = match query.first("live") {
        Some("long-poll") => Mode::LongPoll,
        Some("sse") => Mode::Sse,
        Some(other) => return Err(format!("`live` is `{}`: use `long-poll` or `sse`", other.escape_debug())),
        None if accepts(headers, "text/event-stream") => Mode::Sse,
        None if accepts(headers, "application/x-ndjson") => Mode::Lines,
        None => Mode::CatchUp,
    };
    if query.first("live").is_some() && given.is_none() && last_event_id.is_none() {
        return Err("`live` needs an `offset`: -1 is the beginning".to_owned());
    }
    let from = match (last_event_id, given) {
        (Some(id), _) => from(id)?,
        (None, Some(given)) => given,
        (None, None) => From::Start(Start::Beginning),
    };
    let cursor = query.first("cursor").map(str::to_owned);
    let knows_ends = query.first("live").is_some();
    Ok(Ask { from, mode, cursor, returns: last_event_id.is_some(), knows_ends })
}

fn from(token: &str) -> Result<From, String> {
    match token {
        BEGINNING => Ok(From::Start(Start::Beginning)),
        NOW => Ok(From::Now),
        _ => match Offset::new(token) {
            Some(offset) => Ok(From::Start(Start::After(offset))),
            None => Err("`offset` is none: use one that an answer gave you, -1 or now".to_owned()),
        },
    }
}

/// Whether a request names this type among those that it accepts.
pub(crate) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|part| part.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, headers: &[(&'static str, &str)]) -> Result<Ask, String> {
        let uri = format!("/runs/a/events{query}").parse().unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap()));
        ask(&uri, &headers.collect())
    }

    fn after(token: &str) -> From {
        From::Start(Start::After(Offset::new(token).unwrap()))
    }

    #[test]
    fn a_request_says_from_where_and_how() {
        let plain = read("", &[]).unwrap();
        assert_eq!((plain.from, plain.mode), (From::Start(Start::Beginning), Mode::CatchUp));
        let poll = read("?offset=a_1&live=long-poll&cursor=7&unknown=1", &[]).unwrap();
        assert_eq!((poll.from, poll.mode, poll.cursor.as_deref()), (after("a_1"), Mode::LongPoll, Some("7")));
        assert_eq!(read("?offset=now", &[]).unwrap().from, From::Now);
    }

    #[test]
    fn an_event_source_needs_no_parameters() {
        let first = read("", &[("accept", "text/event-stream")]).unwrap();
        assert_eq!(
            (first.from, first.mode, first.returns),
            (From::Start(Start::Beginning), Mode::Sse, false)
        );
        let again = read("?offset=-1&live=sse", &[("last-event-id", "a_9")]).unwrap();
        assert_eq!((again.from, again.returns), (after("a_9"), true));
        assert_eq!(
            read("?lastEventId=a_9", &[("accept", "application/x-ndjson")]).unwrap().from,
            after("a_9")
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = [
            "?offset=",
            "?offset=a&offset=b",
            "?offset=a%20b",
            "?offset=a,b",
            "?offset=a/b",
            "?offset=a%00",
            "?live=sse",
            "?offset=-1&live=ws",
        ];
        for query in wrong {
            assert!(read(query, &[]).is_err(), "{query}");
        }
        assert!(read("", &[("last-event-id", "a b")]).is_err());
    }
}
