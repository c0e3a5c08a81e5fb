//! What a request writes: its headers and its body, read.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::value::RawValue;

use super::store::{Append, Create, Lifetime, Producer};
use crate::durable::content::is_json;

/// What a stream holds whose creator does not say it.
const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";
/// The largest number that every client can say: 2^53 - 1.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A stream to create; the error says what is wrong with the request.
pub(super) fn create(headers: &HeaderMap, body: Bytes) -> Result<Create, String> {
    if headers.contains_key("stream-forked-from") {
        return Err("streams are not forked here".to_owned());
    }
    let content_type = text(headers, "content-type")?.unwrap_or(DEFAULT_CONTENT_TYPE).to_owned();
    let messages = messages(&content_type, body)?;
    Ok(Create { lifetime: lifetime(headers)?, closed: closes(headers)?, content_type, messages })
}

/// Messages to append.
pub(super) fn append(headers: &HeaderMap, body: Bytes) -> Result<Append, String> {
    let close = closes(headers)?;
    let producer = producer(headers)?;
    let seq = text(headers, "stream-seq")?.map(str::to_owned);
    if body.is_empty() {
        if !close {
            return Err("there is nothing to append: the body is empty".to_owned());
        }
        return Ok(Append { content_type: None, messages: Vec::new(), seq, producer, close });
    }
    let content_type = text(headers, header::CONTENT_TYPE.as_str())?;
    let content_type = content_type.ok_or("`content-type` is missing: give the stream's")?.to_owned();
    let messages = messages(&content_type, body)?;
    if messages.is_empty() {
        return Err("there is nothing to append: the array is empty".to_owned());
    }
    Ok(Append { content_type: Some(content_type), messages, seq, producer, close })
}

/// The body's messages: it is one, except that an array of JSON holds one in each of its values.
fn messages(content_type: &str, body: Bytes) -> Result<Vec<Bytes>, String> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    if !is_json(content_type) {
        return Ok(vec![body]);
    }
    let invalid = |error: serde_json::Error| format!("the body is no JSON: {error}");
    let value: &RawValue = serde_json::from_slice(&body).map_err(invalid)?;
    if !value.get().starts_with('[') {
        return Ok(vec![owned(value)]);
    }
    let values: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(invalid)?;
    Ok(values.into_iter().map(owned).collect())
}

fn owned(value: &RawValue) -> Bytes {
    Bytes::copy_from_slice(value.get().as_bytes())
}

fn lifetime(headers: &HeaderMap) -> Result<Lifetime, String> {
    match (text(headers, "stream-ttl")?, text(headers, "stream-expires-at")?) {
        (Some(_), Some(_)) => Err("`stream-ttl` and `stream-expires-at` exclude each other".to_owned()),
        (Some(seconds), None) => Ok(Lifetime::Idle(Duration::from_secs(number("stream-ttl", seconds)?))),
        (None, Some(time)) => match time.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Lifetime::Until(time.as_millisecond())),
            Err(_) => Err("`stream-expires-at` is no time: write it as in 2030-01-02T03:04:05Z".to_owned()),
        },
        (None, None) => Ok(Lifetime::Unlimited),
    }
}

fn closes(headers: &HeaderMap) -> Result<bool, String> {
    Ok(text(headers, "stream-closed")?.is_some_and(|value| value.eq_ignore_ascii_case("true")))
}

fn producer(headers: &HeaderMap) -> Result<Option<Producer>, String> {
    let said = ["producer-id", "producer-epoch", "producer-seq"].map(|name| text(headers, name));
    let [id, epoch, seq] = said;
    match (id?, epoch?, seq?) {
        (None, None, None) => Ok(None),
        (Some(id), Some(epoch), Some(seq)) if !id.is_empty() => Ok(Some(Producer {
            id: id.to_owned(),
            epoch: number("producer-epoch", epoch)?,
            seq: number("producer-seq", seq)?,
        })),
        _ => {
            Err("a producer says its `producer-id`, `producer-epoch` and `producer-seq`, all three"
                .to_owned())
        }
    }
}

/// A number in decimal digits, written the one way that it can be.
fn number(name: &str, digits: &str) -> Result<u64, String> {
    let number = digits.parse().ok().filter(|number: &u64| *number <= MAX_NUMBER);
    let number = number.filter(|number| number.to_string() == digits);
    number.ok_or_else(|| format!("`{name}` is no number: use decimal digits, at most {MAX_NUMBER}"))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, String> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| format!("`{name}` is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    fn texts(messages: &[Bytes]) -> Vec<&str> {
        messages.iter().map(|message| std::str::from_utf8(message).unwrap()).collect()
    }

    #[test]
    fn an_array_holds_messages_one_level_deep() {
        let json = headers(&[("content-type", "Application/JSON; charset=utf-8")]);
        let read = |body| append(&json, Bytes::from_static(body)).map(|append| append.messages);
        assert_eq!(texts(&read(b" [1, [2,3] ,{\"a\": 1.50}] ").unwrap()), ["1", "[2,3]", "{\"a\": 1.50}"]);
        assert_eq!(texts(&read(b"{}").unwrap()), ["{}"]);
        for body in [b"[]".as_slice(), b"", b"{", b"1 2", b"[1,]"] {
            assert!(append(&json, Bytes::from_static(body)).is_err(), "{body:?}");
        }
        assert_eq!(create(&json, Bytes::from_static(b"[]")).unwrap().messages.len(), 0);
    }

    #[test]
    fn what_is_said_of_a_stream_is_read_to_the_letter() {
        let of = |name, value| create(&headers(&[(name, value)]), Bytes::new());
        assert_eq!(of("stream-ttl", "60").unwrap().lifetime, Lifetime::Idle(Duration::from_secs(60)));
        let until = of("stream-expires-at", "1970-01-01T01:00:01+01:00").unwrap().lifetime;
        assert_eq!(until, Lifetime::Until(1_000));
        assert!(of("stream-closed", "TRUE").unwrap().closed);
        for ttl in ["-1", "+1", "01", "1.0", "1e3", "", "99999999999999999999"] {
            assert!(of("stream-ttl", ttl).is_err(), "{ttl}");
        }
        assert!(of("stream-expires-at", "tomorrow").is_err());
        assert!(
            create(
                &headers(&[("stream-ttl", "1"), ("stream-expires-at", "2030-01-02T03:04:05Z")]),
                Bytes::new()
            )
            .is_err()
        );
    }

    #[test]
    fn a_producer_says_all_of_itself() {
        let of = |pairs: &[(&'static str, &'static str)]| producer(&headers(pairs));
        let whole = [("producer-id", "p"), ("producer-epoch", "1"), ("producer-seq", "0")];
        assert_eq!(of(&whole), Ok(Some(Producer { id: "p".to_owned(), epoch: 1, seq: 0 })));
        assert_eq!(of(&[]), Ok(None));
        assert!((0..3).all(|at| of(&[&whole[..at], &whole[at + 1..]].concat()).is_err()));
        assert!(of(&[("producer-id", ""), whole[1], whole[2]]).is_err());
        assert!(of(&[whole[0], ("producer-epoch", "9007199254740992"), whole[2]]).is_err());
    }
}
