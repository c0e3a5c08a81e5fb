//! One stream in memory: what an append does to it, decided without a lock or a clock.

use std::collections::HashMap;

use bytes::Bytes;

use super::store::{Append, Appended, Create, Created, Lifetime, Producer, WriteError};
use crate::durable::{Cacheable, Chunk, Offset, Start, Stat, StoreError, content::is_same_type};

/// The most producers of one stream.
const MAX_PRODUCERS: usize = 1_000;
/// The most bytes of a chunk, unless a single message has more.
const MAX_CHUNK_BYTES: usize = 1024 * 1024;
/// Digits of an offset: so many that positions sort by their bytes.
const OFFSET_DIGITS: usize = 20;

/// Where a producer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stand {
    epoch: u64,
    last: u64,
}

/// What is done about a producer's append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Next,
    Duplicate(Stand),
}

#[derive(Debug)]
pub(super) struct Record {
    content_type: String,
    lifetime: Lifetime,
    /// When it is gone, in milliseconds since 1970.
    ends: Option<i64>,
    messages: Vec<Bytes>,
    bytes: usize,
    closed: bool,
    /// Who closed it, if a producer did.
    closed_by: Option<Producer>,
    seq: Option<String>,
    producers: HashMap<String, Stand>,
}

impl Record {
    pub(super) fn new(create: Create, now: i64) -> Self {
        let Create { content_type, lifetime, messages, closed } = create;
        let mut record = Self {
            content_type,
            lifetime,
            ends: None,
            bytes: size(&messages),
            messages,
            closed,
            closed_by: None,
            seq: None,
            producers: HashMap::new(),
        };
        record.touch(now);
        record
    }

    /// Somebody reads it or writes to it.
    pub(super) fn touch(&mut self, now: i64) {
        self.ends = match self.lifetime {
            Lifetime::Unlimited => None,
            Lifetime::Idle(time) => {
                Some(now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
            }
            Lifetime::Until(end) => Some(end),
        };
    }

    pub(super) fn is_over(&self, now: i64) -> bool {
        self.ends.is_some_and(|end| end <= now)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The stream as it is, if that is how it was to be created.
    pub(super) fn existing(&self, create: &Create) -> Result<Created, WriteError> {
        let same = is_same_type(&self.content_type, &create.content_type)
            && self.lifetime == create.lifetime
            && self.closed == create.closed;
        if same { Ok(self.created(true)) } else { Err(WriteError::Exists) }
    }

    pub(super) fn created(&self, existed: bool) -> Created {
        Created { existed, tail: self.tail(), closed: self.closed }
    }

    pub(super) fn stat(&self) -> Stat {
        let header = match self.lifetime {
            Lifetime::Unlimited => None,
            Lifetime::Idle(time) => Some(("stream-ttl", time.as_secs().to_string())),
            Lifetime::Until(end) => {
                jiff::Timestamp::from_millisecond(end).ok().map(|end| ("stream-expires-at", end.to_string()))
            }
        };
        Stat {
            content_type: self.content_type.clone(),
            tail: self.tail(),
            closed: self.closed,
            cacheable: Cacheable::Minute,
            headers: header.into_iter().collect(),
        }
    }

    fn tail(&self) -> Offset {
        offset(self.messages.len())
    }

    /// How many messages lie before the start.
    pub(super) fn position(&self, start: &Start) -> Result<usize, StoreError> {
        let Start::After(given) = start else { return Ok(0) };
        let token = given.as_str();
        let position = token.parse::<usize>().ok().filter(|position| offset(*position).as_str() == token);
        let position = position
            .ok_or_else(|| StoreError::BadOffset(format!("`{token}` is no position of this stream")))?;
        if position > self.messages.len() {
            return Err(StoreError::Gone(format!("the stream does not hold position {token} (any more)")));
        }
        Ok(position)
    }

    /// What follows a position; empty at the end.
    pub(super) fn chunk(&self, position: usize, limit: usize) -> (Chunk, usize) {
        let rest = self.messages.get(position..).unwrap_or_default();
        let (mut taken, mut bytes) = (0, 0);
        for message in rest.iter().take(limit.max(1)) {
            bytes += message.len();
            if taken > 0 && bytes > MAX_CHUNK_BYTES {
                break;
            }
            taken += 1;
        }
        let at_end = taken == rest.len();
        let next = position + taken;
        let chunk = Chunk {
            messages: rest[..taken].to_vec(),
            next: offset(next),
            at_end,
            closed: at_end && self.closed,
        };
        (chunk, next)
    }

    pub(super) fn append(&mut self, append: Append) -> Result<Appended, WriteError> {
        if let Some(repeated) = self.repeated(&append) {
            return Ok(repeated);
        }
        if self.closed {
            let only_closes = append.messages.is_empty() && append.close && append.producer.is_none();
            return if only_closes {
                Ok(self.appended(None, false))
            } else {
                Err(WriteError::Closed(self.tail()))
            };
        }
        if append.content_type.as_deref().is_some_and(|kind| !is_same_type(kind, &self.content_type)) {
            return Err(WriteError::OtherType);
        }
        let producer = append.producer;
        if let Some(producer) = &producer
            && let Turn::Duplicate(stand) = turn(self.producers.get(&producer.id).copied(), producer)?
        {
            let last = Producer { seq: stand.last, ..producer.clone() };
            return Ok(self.appended(Some(last), true));
        }
        if append.seq.is_some() && self.seq.as_ref() >= append.seq.as_ref() {
            return Err(WriteError::OutOfOrder);
        }
        if let Some(producer) = &producer {
            if self.producers.len() >= MAX_PRODUCERS && !self.producers.contains_key(&producer.id) {
                return Err(WriteError::Full(format!("the stream has {MAX_PRODUCERS} producers")));
            }
            let stand = Stand { epoch: producer.epoch, last: producer.seq };
            self.producers.insert(producer.id.clone(), stand);
        }
        self.seq = append.seq.or_else(|| self.seq.take());
        self.bytes += size(&append.messages);
        self.messages.extend(append.messages);
        if append.close {
            (self.closed, self.closed_by) = (true, producer.clone());
        }
        Ok(self.appended(producer, false))
    }

    /// The append that closed the stream, sent again.
    fn repeated(&self, append: &Append) -> Option<Appended> {
        let closed_by = self.closed_by.as_ref().filter(|closer| append.producer.as_ref() == Some(closer))?;
        Some(self.appended(Some(closed_by.clone()), true))
    }

    fn appended(&self, last: Option<Producer>, duplicate: bool) -> Appended {
        Appended { tail: self.tail(), closed: self.closed, last, duplicate }
    }
}

/// What is done about an append, given how its producer stands.
fn turn(stand: Option<Stand>, producer: &Producer) -> Result<Turn, WriteError> {
    let Producer { epoch, seq, .. } = *producer;
    match stand {
        Some(stand) if epoch < stand.epoch => Err(WriteError::StaleEpoch(stand.epoch)),
        Some(stand) if epoch > stand.epoch && seq != 0 => Err(WriteError::EpochBeginsLate),
        Some(stand) if epoch == stand.epoch && seq <= stand.last => Ok(Turn::Duplicate(stand)),
        Some(stand) if epoch == stand.epoch && seq > stand.last.saturating_add(1) => {
            Err(WriteError::Gap { expected: stand.last + 1, received: seq })
        }
        None if seq != 0 => Err(WriteError::Gap { expected: 0, received: seq }),
        Some(_) | None => Ok(Turn::Next),
    }
}

fn size(messages: &[Bytes]) -> usize {
    messages.iter().map(Bytes::len).sum()
}

fn offset(position: usize) -> Offset {
    Offset::new(format!("{position:0OFFSET_DIGITS$}")).expect("digits are an offset")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content_type: &str) -> Record {
        let content_type = content_type.to_owned();
        let create =
            Create { content_type, lifetime: Lifetime::Unlimited, messages: Vec::new(), closed: false };
        Record::new(create, 0)
    }

    fn text(message: &'static str) -> Append {
        let messages = vec![Bytes::from_static(message.as_bytes())];
        let content_type = Some("text/plain; charset=utf-8".to_owned());
        Append { content_type, messages, seq: None, producer: None, close: false }
    }

    fn producer(epoch: u64, seq: u64) -> Producer {
        Producer { id: "p".to_owned(), epoch, seq }
    }

    #[test]
    fn a_closed_stream_says_so_before_anything_else() {
        let mut record = record("text/plain");
        let close = Append { close: true, producer: Some(producer(0, 0)), ..text("last") };
        assert!(record.append(close.clone()).unwrap().closed);
        let repeated = record.append(close).unwrap();
        assert!(repeated.duplicate && repeated.closed, "who closed it may say so again");
        let other = Append { content_type: Some("image/png".to_owned()), ..text("more") };
        assert!(matches!(record.append(other), Err(WriteError::Closed(tail)) if tail == offset(1)));
        let only = Append { content_type: None, messages: Vec::new(), close: true, ..text("") };
        assert!(record.append(only).unwrap().closed);
        assert_eq!(record.messages, ["last"]);
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let mut record = record("text/plain");
        let ordered = |seq: &str, message| Append { seq: Some(seq.to_owned()), ..text(message) };
        record.append(ordered("b", "1")).unwrap();
        assert!(matches!(record.append(ordered("b", "x")), Err(WriteError::OutOfOrder)));
        assert!(matches!(record.append(ordered("a9", "x")), Err(WriteError::OutOfOrder)));
        let other = Append { content_type: Some("application/json".to_owned()), ..ordered("c", "x") };
        assert!(matches!(record.append(other), Err(WriteError::OtherType)));
        record.append(text("2")).unwrap();
        record.append(ordered("ba", "3")).unwrap();
        assert_eq!((record.messages.clone(), record.bytes()), (vec!["1".into(), "2".into(), "3".into()], 3));
    }

    #[test]
    fn a_producer_is_taken_in_its_turn() {
        let stand = Some(Stand { epoch: 2, last: 5 });
        assert!(matches!(turn(stand, &producer(2, 6)), Ok(Turn::Next)));
        assert!(matches!(turn(stand, &producer(2, 5)), Ok(Turn::Duplicate(Stand { last: 5, .. }))));
        assert!(matches!(turn(stand, &producer(2, 0)), Ok(Turn::Duplicate(_))));
        assert!(matches!(turn(stand, &producer(2, 8)), Err(WriteError::Gap { expected: 6, received: 8 })));
        assert!(matches!(turn(stand, &producer(1, 6)), Err(WriteError::StaleEpoch(2))));
        assert!(matches!(turn(stand, &producer(3, 0)), Ok(Turn::Next)));
        assert!(matches!(turn(stand, &producer(3, 1)), Err(WriteError::EpochBeginsLate)));
        assert!(matches!(turn(None, &producer(7, 0)), Ok(Turn::Next)));
        assert!(matches!(turn(None, &producer(7, 1)), Err(WriteError::Gap { expected: 0, received: 1 })));
    }

    #[test]
    fn a_chunk_is_bounded_in_messages_and_bytes() {
        let mut record = record("text/plain");
        (0..3).for_each(|_| drop(record.append(text("abc")).unwrap()));
        let large = Append { messages: vec![Bytes::from(vec![b'x'; MAX_CHUNK_BYTES + 1])], ..text("") };
        record.append(large).unwrap();
        let read = |position, limit| {
            let (chunk, next) = record.chunk(position, limit);
            (chunk.messages.len(), next, chunk.at_end)
        };
        assert_eq!(read(0, 2), (2, 2, false));
        assert_eq!(read(0, 10), (3, 3, false));
        assert_eq!(read(3, 10), (1, 4, true));
        assert_eq!(read(4, 10), (0, 4, true));
    }
}
