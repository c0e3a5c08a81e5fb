//! The language model, reached over HTTP with the `genai` client: a server that the environment names, or the built-in
//! one.

mod error;
mod server;

use futures_util::StreamExt as _;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, Headers, ModelIden, ServiceTarget, adapter::AdapterKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use self::error::LlmError;
pub(crate) use self::server::{Server, web_client};
use crate::model::built_in::{KEY_HEADER, RUN_HEADER, STAGE_HEADER};
use crate::model::prompt::Prompt;

/// A streamed answer longer than this is a model that does not stop.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// A client of one model on one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Llm {
    client: Client,
    target: ServiceTarget,
}

/// Who asks: it lets a server's log tell what was asked twice, and a provider recognise a repetition.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) run: String,
    pub(crate) stage: String,
    pub(crate) key: String,
}

/// Tokens that a provider bills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
}

/// An answer and what it cost.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) tokens: Tokens,
}

impl Llm {
    pub(crate) fn new(server: &Server) -> Result<Self, LlmError> {
        let client =
            Client::builder().with_reqwest(web_client(server)?).build().map_err(LlmError::from_genai)?;
        let target = ServiceTarget {
            endpoint: Endpoint::from_owned(server.base_url()),
            auth: AuthData::from_single(server.api_key()),
            // Whatever the model's name, the server speaks OpenAI's format.
            model: ModelIden::new(AdapterKind::OpenAI, server.model().to_owned()),
        };
        Ok(Self { client, target })
    }

    /// The model's name, for bills.
    pub(crate) fn model(&self) -> &str {
        &self.target.model.model_name
    }

    /// Asks for an answer in JSON of the shape `T`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        prompt: &Prompt,
    ) -> Result<Answer<T>, LlmError> {
        let response = self
            .client
            .exec_chat(self.target.clone(), request(prompt), Some(&options(caller)))
            .await
            .map_err(LlmError::from_genai)?;
        let tokens = Tokens::from(&response.usage);
        let text = response.into_first_text().unwrap_or_default();
        let value =
            serde_json::from_str(without_fence(&text)).map_err(|source| LlmError::WrongShape { source })?;
        Ok(Answer { value, tokens })
    }

    /// Asks for a text, given to `on_text` piece by piece as it comes.
    pub(crate) async fn stream(
        &self,
        caller: &Caller,
        prompt: &Prompt,
        mut on_text: impl FnMut(&str),
    ) -> Result<Answer<String>, LlmError> {
        let options = options(caller).with_capture_usage(true);
        let mut stream = self
            .client
            .exec_chat_stream(self.target.clone(), request(prompt), Some(&options))
            .await
            .map_err(LlmError::from_genai)?
            .stream;
        let mut text = String::new();
        while let Some(event) = stream.next().await {
            match event.map_err(LlmError::from_genai)? {
                ChatStreamEvent::Chunk(chunk) => {
                    on_text(&chunk.content);
                    text.push_str(&chunk.content);
                    if text.len() > MAX_ANSWER_BYTES {
                        return Err(LlmError::Endless { max_bytes: MAX_ANSWER_BYTES });
                    }
                }
                ChatStreamEvent::End(end) if !text.trim().is_empty() => {
                    let tokens = end.captured_usage.as_ref().map(Tokens::from).unwrap_or_default();
                    return Ok(Answer { value: text, tokens });
                }
                ChatStreamEvent::End(_) => return Err(LlmError::Empty),
                _ => {}
            }
        }
        // A stream that ends without its end mark was cut, even where the connection was closed in order.
        Err(LlmError::Cut { source: None })
    }
}

impl From<&genai::chat::Usage> for Tokens {
    fn from(usage: &genai::chat::Usage) -> Self {
        let count = |tokens: Option<i32>| u64::try_from(tokens.unwrap_or(0)).unwrap_or(0);
        Self { prompt: count(usage.prompt_tokens), completion: count(usage.completion_tokens) }
    }
}

fn request(prompt: &Prompt) -> ChatRequest {
    ChatRequest::new(vec![ChatMessage::user(prompt.render())]).with_system(prompt.task.instruction())
}

fn options(caller: &Caller) -> ChatOptions {
    let headers = [
        (RUN_HEADER.to_owned(), header_value(&caller.run)),
        (STAGE_HEADER.to_owned(), header_value(&caller.stage)),
        (KEY_HEADER.to_owned(), header_value(&caller.key)),
    ];
    ChatOptions::default().with_extra_headers(Headers::from(Vec::from(headers)))
}

/// A heading may hold anything, a header only ASCII.
fn header_value(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// Models like to wrap JSON into a Markdown fence.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let Some(inside) = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else {
        return text;
    };
    inside.strip_prefix("json").unwrap_or(inside).trim()
}

#[cfg(test)]
mod tests;
