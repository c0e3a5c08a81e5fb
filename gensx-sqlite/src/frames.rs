//! The events of one row, one after the other: the length of each in four bytes, and its payload.

use gensx_core::sink::Payload;

use crate::error::Failure;

/// A row ends with the event that reaches this size: reading a few events reads no more than a few pages of the file.
const ROW_BYTES: usize = 16 << 10;
const LENGTH_BYTES: usize = size_of::<u32>();

/// One row's events.
pub(crate) struct Row {
    pub(crate) count: u32,
    pub(crate) bytes: Vec<u8>,
}

/// The rows that hold an append's payloads, in their order.
pub(crate) fn rows(mut payloads: &[Payload]) -> impl Iterator<Item = Row> {
    std::iter::from_fn(move || {
        let mut size = 0;
        let full = |payload: &Payload| {
            size += LENGTH_BYTES + payload.len();
            size >= ROW_BYTES
        };
        let count = payloads.iter().position(full).map_or(payloads.len(), |last| last + 1);
        let (row, rest) = payloads.split_at(count);
        payloads = rest;
        (!row.is_empty()).then(|| Row::of(row, size))
    })
}

impl Row {
    fn of(payloads: &[Payload], size: usize) -> Self {
        let mut bytes = Vec::with_capacity(size);
        for payload in payloads {
            // An append takes no payload that is longer: see the sink's limit.
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(payload);
        }
        // An append has no more events than fit into memory as references.
        Self { count: u32::try_from(payloads.len()).unwrap_or(u32::MAX), bytes }
    }
}

/// The payloads of a row that says it has `count`.
pub(crate) fn payloads(mut bytes: &[u8], count: u32) -> Result<Vec<&[u8]>, Failure> {
    let damaged = || Failure::corrupt("a row whose events are not as long as it says");
    // A damaged count asks for no more room than there can be events.
    let mut payloads = Vec::with_capacity((bytes.len() / LENGTH_BYTES).min(count as usize));
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (payload, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        payloads.push(payload);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(payloads) } else { Err(damaged()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(sizes in prop::collection::vec(0..9_000_usize, 0..40)) {
            let payloads: Vec<Payload> = sizes.iter().map(|size| vec![b'x'; *size].into()).collect();
            let mut read = Vec::new();
            for row in rows(&payloads) {
                prop_assert!(row.count == 1 || row.bytes.len() < ROW_BYTES + 9_004);
                read.extend(super::payloads(&row.bytes, row.count).unwrap().into_iter().map(Payload::from));
            }
            prop_assert_eq!(read, payloads);
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(bytes: Vec<u8>, count: u32) {
            if let Ok(payloads) = payloads(&bytes, count) {
                prop_assert_eq!(payloads.len(), count as usize);
            }
        }
    }
}
