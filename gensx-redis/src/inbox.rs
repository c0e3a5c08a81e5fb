//! Messages from those who do not own a run.

use gensx_core::{
    RunId, SinkErrorKind,
    sink::{MAX_MESSAGES_PER_RUN, MAX_PAGE, Message},
};
use redis::{Value, cmd};
use serde::{Deserialize, Serialize};

use crate::{append::MAX_VALUE_BYTES, error::Failure, read::not_found, reply, script, store::Store};

/// A message as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    name: String,
    body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl Store {
    pub(crate) async fn send(&self, run: &RunId, message: Message) -> Result<u64, Failure> {
        let bytes = message.body.len();
        if bytes > MAX_VALUE_BYTES {
            let text = format!(
                "a message for run `{run}` has {bytes} bytes, {MAX_VALUE_BYTES} are allowed: store it elsewhere"
            );
            return Err(Failure::new(SinkErrorKind::TooLarge, text));
        }
        // One without an id has one of its own here, so that it is stored once however often it is asked.
        let sender = message
            .id
            .as_ref()
            .map_or_else(|| format!("t{}", uuid::Uuid::new_v4().simple()), |id| format!("s{id}"));
        let Message { name, body, id, .. } = message;
        let stored = serde_json::to_string(&Stored { name, body, id })
            .map_err(|error| Failure::config(format!("a message cannot be stored: {error}")))?;
        let request = script::SEND.on(&[&self.keys.stream(run), &self.keys.inbox(run)], |command| {
            command.arg(sender).arg(stored).arg(MAX_MESSAGES_PER_RUN);
            command.arg(self.keys.mail()).arg(run.as_str());
        });
        match self.link.ask(request).await? {
            number @ Value::Int(_) => reply::number(&number),
            refusal => Err(refused(run, &reply::text(refusal)?)),
        }
    }

    pub(crate) async fn receive(
        &self,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Message>, Failure> {
        let numbers =
            (after.saturating_add(1)..=u64::MAX - 1).take(limit.min(MAX_PAGE).min(MAX_MESSAGES_PER_RUN));
        let numbers: Vec<u64> = numbers.collect();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let key = self.keys.inbox(run);
        let mut command = cmd("HMGET");
        command.arg(&key);
        for number in &numbers {
            command.arg(format!("m{number}"));
        }
        let stored = reply::optional_list(self.link.ask(command).await?)?;
        // They are dense: the first that is missing is the end.
        let present = numbers.into_iter().zip(stored).map_while(|(number, stored)| Some((number, stored?)));
        present.map(|(number, stored)| message(number, &stored, &key)).collect()
    }
}

fn message(number: u64, stored: &[u8], key: &str) -> Result<Message, Failure> {
    let Ok(Stored { name, body, id }) = serde_json::from_slice(stored) else {
        return Err(Failure::foreign("a message", key));
    };
    Ok(Message { number, name, body, id })
}

fn refused(run: &RunId, answer: &str) -> Failure {
    match answer {
        "GONE" => not_found(run),
        "ENDED" => {
            Failure::new(SinkErrorKind::Ended, format!("run `{run}` has ended: it takes no more messages"))
        }
        _ => Failure::new(
            SinkErrorKind::TooLarge,
            format!("the inbox of run `{run}` holds {MAX_MESSAGES_PER_RUN} messages, the most there may be"),
        ),
    }
}
