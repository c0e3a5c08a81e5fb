//! What the fuzz target and the test of its seeds ask of the API plane.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use gensx_core::{
    EventId, EventSink, MemorySink, RunStatus, Runtime,
    sink::{Batch, BatchKind, BatchToken},
};
use tower::ServiceExt as _;

/// The most bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

struct Api {
    tokio: tokio::runtime::Runtime,
    router: Router,
}

/// The API over a finished run called `a`.
static API: LazyLock<Api> = LazyLock::new(|| {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sink: Arc<dyn EventSink> = Arc::new(MemorySink::new());
    let started = br#"{"v":1,"type":"run.started","time":0,"name":"w","origin":"a"}"#.as_slice();
    let ended = br#"{"v":1,"type":"run.ended","time":0,"status":"succeeded","output":1}"#.as_slice();
    let batch = Batch {
        run: "a".parse().unwrap(),
        first: EventId::new(1, 1),
        token: BatchToken { owner: 1, number: 1 },
        payloads: vec![started.into(), ended.into()],
        kind: BatchKind::Opens("w".into()),
        closes: Some(RunStatus::Succeeded),
    };
    tokio.block_on(sink.append(&batch)).unwrap();
    let runtime = Runtime::builder().shared_sink(sink).build();
    Api { tokio, router: gensx_http::router(runtime) }
});

/// Asks for what the bytes say: a line with a path and a query, then a line for each header.
pub(crate) fn request(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let Some(target) = lines.next().and_then(|line| std::str::from_utf8(line).ok()) else { return };
    let mut request = Request::get(target);
    for line in lines {
        let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
        request = request.header(&line[..at], line[at + 1..].trim_ascii());
    }
    let Ok(request) = request.body(Body::empty()) else { return };
    let api = &*API;
    api.tokio.block_on(async {
        let Ok(answer) = api.router.clone().oneshot(request).await;
        assert!(!answer.status().is_server_error(), "{}", answer.status());
        to_bytes(answer.into_body(), MAX_ANSWER).await.expect("an answer that ends");
    });
}
