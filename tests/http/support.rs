//! An API on a port of its own, with a workflow behind it.

use std::time::Duration;

use gensx::{
    Backend, Client, Runtime, Worker, component,
    http::{Api, Described, Plane},
};
use reqwest::{RequestBuilder, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Order {
    pub(crate) name: String,
    #[schemars(range(min = 1))]
    pub(crate) pieces: u32,
}

#[component]
pub(crate) async fn pack(name: String, piece: u32) -> gensx::Result<String> {
    gensx::emit_text("label", &format!("{name} {piece} \u{2713}\n"));
    Ok(format!("{name}-{piece}"))
}

/// Packs every piece, and asks whether to send them where the name says so.
#[component]
pub(crate) async fn order(order: Order) -> gensx::Result<Vec<String>> {
    let mut packed = Vec::new();
    for piece in 1..=order.pieces {
        packed.push(pack(order.name.clone(), piece).await?);
    }
    if order.name == "asks" && !gensx::input::<bool>("send", None).await? {
        return Err("it is not to be sent".into());
    }
    if order.name == "fails" {
        return Err("it is broken".into());
    }
    Ok(packed)
}

pub(crate) fn described() -> Described {
    Described::new("order").about("Packs an order").input::<Order>().output::<Vec<String>>()
}

/// The API over a runtime of this process.
pub(crate) fn embedded() -> Api {
    let runtime = Runtime::builder().sink(gensx::MemorySink::new()).register(&order).build();
    Api::new(runtime).workflow(described())
}

/// The API over a fleet with one worker, which ends with the process.
pub(crate) fn fleet() -> Api {
    let backend = Backend::in_memory();
    let worker = Worker::builder(backend.clone()).register(&order).build().unwrap();
    tokio::spawn(async move { worker.run_until(std::future::pending()).await });
    let client: Plane = Client::new(backend).into();
    Api::new(client).workflow(described())
}

/// A served API, and a client of it.
pub(crate) struct Server {
    base: String,
    http: reqwest::Client,
}

pub(crate) async fn serve(api: Api) -> Server {
    serve_app(api.router(), "").await
}

/// An application in which the API is under a path.
pub(crate) async fn serve_app(app: axum::Router, path: &str) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Server::at(&base)
}

impl Server {
    /// The API at an address.
    pub(crate) fn at(base: &str) -> Self {
        // Without it the client looks for a provider of TLS; there is none to choose from but this.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { base: base.to_owned(), http: reqwest::Client::new() }
    }

    /// Its host and port.
    pub(crate) fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.base));
        request.header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("{}{path}", self.base))
    }

    /// Starts an order and gives its run.
    pub(crate) async fn start(&self, name: &str, pieces: u32) -> String {
        let body = serde_json::json!({ "name": name, "pieces": pieces });
        let answer = answer(self.post("/workflows/order/start", &body)).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let run = answer.headers()["x-execution-id"].to_str().unwrap().to_owned();
        assert_eq!(json(answer).await["executionId"], run.as_str());
        run
    }

    /// Waits until a run stands like this, and gives how it stands.
    pub(crate) async fn until(&self, run: &str, done: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let answer = answer(self.get(&format!("/runs/{run}"))).await;
                if answer.status() == StatusCode::OK {
                    let summary = json(answer).await;
                    if done(&summary) {
                        return summary;
                    }
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the run came to stand so")
    }
}

/// Sends a request.
pub(crate) async fn answer(request: RequestBuilder) -> Response {
    tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer in time").expect("an answer")
}

pub(crate) async fn json(answer: Response) -> Value {
    serde_json::from_str(&text(answer).await).expect("JSON")
}

pub(crate) async fn text(answer: Response) -> String {
    tokio::time::timeout(PATIENCE, answer.text()).await.expect("a body in time").expect("a body")
}

/// What comes of a body until it ends or is cut, and which of the two it was.
pub(crate) async fn until_cut(mut answer: Response) -> (String, reqwest::Result<()>) {
    let read = async {
        let mut bytes = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(more)) => bytes.extend_from_slice(&more),
                Ok(None) => return (bytes, Ok(())),
                Err(error) => return (bytes, Err(error)),
            }
        }
    };
    let (bytes, end) = tokio::time::timeout(PATIENCE, read).await.expect("an end in time");
    (String::from_utf8(bytes).expect("text"), end)
}
