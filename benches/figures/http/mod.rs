//! What reading over HTTP costs, with the readers in a process of their own: their sockets and their time are not the API's.

mod fan_out;
pub mod load;
mod page;
pub mod readers;

use std::sync::Arc;

use axum::Router;
use gensx::{
    EventId, EventSink, RunId,
    sink::{Append, Batch, BatchKind, BatchToken, Payload},
};
use tokio::net::TcpListener;

pub use self::{fan_out::fan_out, page::page};

/// Serves a router on a port of its own, and gives its address.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// What two of the machine's processors run.
fn two_workers() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn run_of(number: usize) -> RunId {
    format!("run-{number}").parse().unwrap()
}

/// An event as a streaming model call has it, with the time in it.
fn event() -> Payload {
    let json = format!(
        r#"{{"v":1,"type":"text","time":1790000004100,"call":"5d41402abc4b2a76b9719d911017c592","attempt":1,"name":"draft","text":"The sea rises ","at":{}}}"#,
        readers::micros_now()
    );
    json.into_bytes().into()
}

async fn append(sink: &Arc<dyn EventSink>, run: &RunId, seq: u64, payloads: Vec<Payload>) {
    let batch = Batch {
        run: run.clone(),
        first: EventId::new(1, seq),
        token: BatchToken { owner: 1, number: seq },
        payloads,
        kind: if seq == 1 { BatchKind::Opens("readers".into()) } else { BatchKind::Continues },
        closes: None,
    };
    assert_eq!(sink.append(&batch).await.unwrap(), Append::Done);
}
