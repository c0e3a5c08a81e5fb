//! The OpenAI chat completions format, as far as a chat of texts needs it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Characters per token, about what English has in the usual tokenizers.
const CHARS_PER_TOKEN: usize = 4;

#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) stream: bool,
    #[serde(default)]
    stream_options: StreamOptions,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    pub(super) content: String,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// What the answer is billed for.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
}

impl ChatRequest {
    /// The last thing the user said.
    pub(super) fn question(&self) -> &str {
        self.messages.iter().rfind(|message| message.role == "user").map_or("", |message| &message.content)
    }

    pub(super) fn wants_usage_at_the_end(&self) -> bool {
        self.stream && self.stream_options.include_usage
    }

    pub(super) fn usage(&self, answer: &str) -> Usage {
        let tokens = |text: &str| text.chars().count().div_ceil(CHARS_PER_TOKEN);
        let prompt_tokens = self.messages.iter().map(|message| tokens(&message.content)).sum();
        let completion_tokens = tokens(answer);
        Usage { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
    }
}

/// A whole answer.
pub(super) fn completion(request: &ChatRequest, answer: &str) -> Value {
    json!({
        "id": "chatcmpl-built-in",
        "object": "chat.completion",
        "created": 0,
        "model": request.model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": answer},
            "finish_reason": "stop",
        }],
        "usage": request.usage(answer),
    })
}

/// A streamed answer as server-sent events, piece by piece.
pub(super) fn chunks(request: &ChatRequest, answer: &str) -> Vec<String> {
    let chunk = |choices: Value, usage: Option<Usage>| {
        let value = json!({
            "id": "chatcmpl-built-in",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": request.model,
            "choices": choices,
            "usage": usage,
        });
        format!("data: {value}\n\n")
    };
    let delta = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
    let mut events: Vec<String> = pieces(answer)
        .iter()
        .map(|piece| chunk(delta(json!({"content": piece}), Value::Null), None))
        .collect();
    events.push(chunk(delta(json!({}), json!("stop")), None));
    if request.wants_usage_at_the_end() {
        events.push(chunk(json!([]), Some(request.usage(answer))));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// An error as OpenAI tells it.
pub(super) fn error(kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "code": null, "param": null}})
}

/// Words streamed at once.
const WORDS_PER_CHUNK: usize = 4;

fn pieces(answer: &str) -> Vec<String> {
    let words: Vec<&str> = answer.split_inclusive(' ').collect();
    words.chunks(WORDS_PER_CHUNK).map(<[&str]>::concat).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(more: &Value) -> ChatRequest {
        let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "12345678"}]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(request).unwrap()
    }

    #[test]
    fn the_chunks_of_a_stream_are_the_answer() {
        let answer = "One two three four five.\n\nSix  seven.";
        let events =
            chunks(&request(&json!({"stream": true, "stream_options": {"include_usage": true}})), answer);
        let (done, events) = events.split_last().unwrap();
        assert_eq!(done, "data: [DONE]\n\n");
        let values: Vec<Value> =
            events.iter().map(|e| serde_json::from_str(e.strip_prefix("data: ").unwrap()).unwrap()).collect();
        let text: String =
            values.iter().filter_map(|v| v["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, answer);
        assert_eq!(
            values.last().unwrap()["usage"],
            json!({"prompt_tokens": 2, "completion_tokens": 10, "total_tokens": 12})
        );
    }

    #[test]
    fn usage_is_streamed_only_when_asked_for() {
        let events = chunks(&request(&json!({"stream": true})), "Yes.");
        assert!(events.iter().all(|event| !event.contains("total_tokens")), "{events:?}");
    }
}
