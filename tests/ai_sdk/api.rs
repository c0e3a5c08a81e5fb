//! The API on a port of its own, and a workflow that talks.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use gensx::{Backend, Client, MemorySink, Runtime, Worker, component, http::Api};
use reqwest::{RequestBuilder, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const PIECES: u64 = 20;

/// What the workflow takes of what a chat sends.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    messages: Vec<Message>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Message {
    id: String,
    parts: Vec<Part>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Part {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Whether this is said for the first time in this process.
fn is_new(what: String) -> bool {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(what)
}

/// Talks, and fails at first.
#[component(retry(max_attempts = 2, initial = "10ms"))]
async fn say(topic: String, run: String) -> gensx::Result<String> {
    if is_new(run) {
        gensx::emit_text("answer", "never to be seen");
        return Err("the model does not answer".into());
    }
    let mut said = String::new();
    for piece in 0..PIECES {
        let word = format!("{topic} {piece} ✓\n");
        gensx::emit_text("answer", &word);
        gensx::progress(piece, PIECES);
        said.push_str(&word);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gensx::emit("source", &json!({ "url": "https://example.org" }));
    gensx::publish("outline", &json!({ "headings": ["a"] }));
    gensx::publish("outline", &json!({ "headings": ["a", "b"] }));
    Ok(said)
}

/// Answers a chat's last message.
#[component]
async fn chat(asked: Asked) -> gensx::Result<String> {
    let last = asked.messages.last().and_then(|last| last.parts.first()?.text.clone()).unwrap_or_default();
    gensx::emit_text("reasoning", "what may they want?");
    let run = gensx::uuid().await?.to_string();
    let said = say(last.clone(), run).label("Answer").await?;
    if last.starts_with("ask") {
        let go = gensx::input::<bool>("go", None).await?;
        gensx::emit_text("answer", if go { "at last" } else { "not so" });
    }
    if last.starts_with("fail") {
        return Err("it is broken".into());
    }
    Ok(said)
}

/// The API over a runtime of this process.
pub(crate) fn embedded() -> Api {
    Api::new(Runtime::builder().sink(MemorySink::new()).register(&chat).build())
}

/// The API over a fleet with one worker, as often as it is served.
pub(crate) fn fleet() -> Api {
    let backend = Backend::in_memory();
    let worker = Worker::builder(backend.clone()).register(&chat).build().unwrap();
    tokio::spawn(async move { worker.run_until(std::future::pending()).await });
    Api::new(Client::new(backend))
}

/// A served API, and a client of it.
pub(crate) struct Server {
    pub(crate) port: u16,
    http: reqwest::Client,
}

pub(crate) async fn serve(api: Api) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let router = axum::Router::new().nest("/api", api.page_events(7).router());
        axum::serve(listener, router).await
    });
    // Without it the client looks for a provider of TLS; there is none to choose from but this.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Server { port, http: reqwest::Client::new() }
}

impl Server {
    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url()))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.url()));
        request.header("content-type", "application/json").body(body.to_string())
    }
}

/// Where an API behind this port is.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/api")
}

/// What a chat sends.
pub(crate) fn message(chat: &str, id: &str, text: &str) -> Value {
    let message = json!({ "id": id, "role": "user", "parts": [{ "type": "text", "text": text }] });
    json!({ "id": chat, "messages": [message], "trigger": "submit-message" })
}

pub(crate) async fn answer(request: RequestBuilder) -> Response {
    tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer in time").expect("an answer")
}

pub(crate) async fn text(answer: Response) -> String {
    tokio::time::timeout(PATIENCE, answer.text()).await.expect("a body in time").expect("a body")
}

/// The run that an answer is of.
pub(crate) fn run_of(answer: &Response) -> String {
    answer.headers()["x-workflow-run-id"].to_str().unwrap().to_owned()
}
