//! What others send, and that nobody else is hurt by it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Server, answer, embedded, serve, text};

const SLOW: usize = 200;

/// A connection on which this was said.
async fn say(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    socket
}

/// The status of the answer that comes.
async fn status(mut socket: TcpStream) -> u16 {
    let mut line = [0; 12];
    tokio::time::timeout(Duration::from_secs(20), socket.read_exact(&mut line)).await.unwrap().unwrap();
    std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}

async fn expect_well(server: &Server) {
    let order = json!({ "name": "tea", "pieces": 1 });
    assert_eq!(answer(server.post("/workflows/order", &order)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_is_slow_holds_up_nobody() {
    let server = serve(embedded().body_time(Duration::from_millis(300))).await;
    let mut headers = Vec::new();
    for _ in 0..SLOW {
        headers.push(say(&server, b"GET /runs HTTP/1.1\r\nhost: a\r\nx-slow: ").await);
    }
    let head = b"POST /workflows/order HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{";
    let body = say(&server, head).await;
    expect_well(&server).await;
    assert_eq!(status(body).await, 408);
    expect_well(&server).await;
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_unread() {
    let server = serve(embedded()).await;
    let head = "POST /workflows/order HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n";
    assert_eq!(status(say(&server, head.as_bytes()).await).await, 413);
    // The same without a length, of which as much is read as is taken at most.
    let mut socket = say(
        &server,
        b"POST /workflows/order HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
    )
    .await;
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 64 && socket.write_all(&chunk).await.is_ok() {
        sent += 1;
    }
    assert_eq!(status(socket).await, 413);
    expect_well(&server).await;
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let server = serve(embedded()).await;
    let many = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    let bomb = format!("GET /runs HTTP/1.1\r\nhost: a\r\n{many}\r\n");
    assert_eq!(status(say(&server, bomb.as_bytes()).await).await, 431);
    expect_well(&server).await;
}

#[tokio::test]
async fn odd_paths_are_no_runs() {
    let server = serve(embedded()).await;
    for path in [
        "/runs/..%2f..%2fetc%2fpasswd",
        "/runs/%00",
        "/runs/%ff",
        "/workflows/%2e%2e",
        "/runs/a/input/",
        "/runs//events",
        "/%0d%0ax: y",
    ] {
        let answer = answer(server.get(path)).await;
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
        assert!(!text(answer).await.contains("root:"));
    }
    let long = format!("/runs/{}/events", "a".repeat(60_000));
    assert!(answer(server.get(&long)).await.status().is_client_error());
    expect_well(&server).await;
}

#[tokio::test]
async fn what_a_body_may_be_is_json() {
    let server = serve(embedded()).await;
    let deep = "[".repeat(100_000);
    for body in ["{\"a\":", "\u{0}", "{'a':1}", "[1,]", "NaN", &deep] {
        let request = server.request("POST", "/workflows/order").header("content-type", "application/json");
        assert_eq!(answer(request.body(body.to_owned())).await.status(), StatusCode::BAD_REQUEST);
    }
    let bytes = server.request("POST", "/workflows/order").header("content-type", "application/json");
    assert_eq!(answer(bytes.body(vec![b'"', 0xff, b'"'])).await.status(), StatusCode::BAD_REQUEST);
    expect_well(&server).await;
}
