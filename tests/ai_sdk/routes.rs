use std::time::Duration;

use futures_util::StreamExt as _;
use gensx::http::{Action, Protocol, ReadTokens, Verdict};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::api::{PATIENCE, Server, answer, embedded, fleet, message, run_of, serve, text};

/// The parts of an event stream, with their ids.
fn parts(stream: &str) -> Vec<(String, Value)> {
    let mut parts = Vec::new();
    for event in stream.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':')) {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        if field("data: ") != "[DONE]" {
            parts.push((field("id: ").to_owned(), serde_json::from_str(field("data: ")).expect("a part")));
        }
    }
    parts
}

/// Has a message answered, and gives the run and its parts.
async fn answered(server: &Server, request: &Value) -> (String, Vec<(String, Value)>) {
    let answer = answer(server.post("/ui/chat", request)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let run = run_of(&answer);
    let stream = text(answer).await;
    assert!(stream.ends_with("data: [DONE]\n\n"));
    (run, parts(&stream))
}

/// Waits until a run asks.
async fn asks(server: &Server, path: &str) {
    let mut stream = answer(server.get(path)).await.bytes_stream();
    let mut seen = String::new();
    let wait = async {
        while !seen.contains(r#""status":"waiting""#) {
            let piece = stream.next().await.expect("it goes on").expect("a piece");
            seen.push_str(&String::from_utf8_lossy(&piece));
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it asks");
}

#[tokio::test]
async fn any_sitting_gives_the_rest() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let (run, all) = answered(&server, &message("c", "m", "talk")).await;
        assert_eq!(all[0].1, json!({ "type": "start", "messageId": run }));
        assert_eq!(all[all.len() - 1].1, json!({ "type": "finish" }));
        for path in
            [format!("/runs/{run}/ui"), format!("/ui/chat/{run}/stream"), "/ui/chat/c/stream".to_owned()]
        {
            for at in [0, 1, 2, all.len() / 2, all.len() - 1] {
                let rest = answer(server.get(&format!("{path}?startIndex={at}"))).await;
                assert_eq!(rest.headers()["x-vercel-ai-ui-message-stream"], "v1");
                assert_eq!(parts(&text(rest).await), all[at..], "{path} {at}");
            }
            let past = answer(server.get(&format!("{path}?startIndex={}", all.len()))).await;
            assert_eq!(past.status(), StatusCode::GONE, "who asks again at once would ask for ever");
        }
        for at in 0..all.len() - 1 {
            let rest = server.get(&format!("/runs/{run}/ui")).header("last-event-id", &all[at].0);
            assert_eq!(parts(&text(answer(rest).await).await), all[at + 1..]);
            let rest = server.get(&format!("/runs/{run}/ui?startIndex={at}"));
            assert_eq!(parts(&text(answer(rest).await).await), all[at..]);
        }
        let end = server.get(&format!("/runs/{run}/ui")).header("last-event-id", &all[all.len() - 1].0);
        assert_eq!(answer(end).await.status(), StatusCode::NO_CONTENT);
        for last in [1, 2, all.len(), all.len() + 5] {
            let tail = answer(server.get(&format!("/runs/{run}/ui?startIndex=-{last}"))).await;
            let index: usize =
                tail.headers()["x-workflow-stream-tail-index"].to_str().unwrap().parse().unwrap();
            assert_eq!(parts(&text(tail).await), all[index + 1 - last..], "as its reader reckons");
        }
        for wrong in ["startIndex=x", "startIndex="] {
            let answer = answer(server.get(&format!("/runs/{run}/ui?{wrong}"))).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        }
    }
}

#[tokio::test]
async fn the_parts_are_a_durable_stream_too() {
    let server = serve(embedded()).await;
    let (run, all) = answered(&server, &message("c", "m", "talk")).await;
    let (mut read, mut offset) = (Vec::new(), "-1".to_owned());
    loop {
        let page = answer(server.get(&format!("/runs/{run}/ui/parts?offset={offset}"))).await;
        assert_eq!(page.status(), StatusCode::OK);
        let headers = page.headers().clone();
        let next = headers["stream-next-offset"].to_str().unwrap().to_owned();
        assert!(read.is_empty() || next > offset, "offsets sort");
        offset = next;
        read.extend(serde_json::from_str::<Vec<Value>>(&text(page).await).unwrap());
        if headers.contains_key("stream-closed") {
            break;
        }
    }
    let all: Vec<Value> = all.into_iter().map(|(_, part)| part).collect();
    assert_eq!(read, all);
    let tail = answer(server.get(&format!("/runs/{run}/ui/parts?offset=now"))).await;
    assert_eq!(tail.headers()["stream-next-offset"], offset.as_str());
    assert_eq!(answer(server.get("/runs/nobody/ui/parts")).await.status(), StatusCode::NOT_FOUND);
    let far = format!("/runs/{run}/ui/parts?offset=00000001-0000000000ffff-ff");
    assert_eq!(answer(server.get(&far)).await.status(), StatusCode::GONE);
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_answered_once() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let (first, _) = answered(&server, &message("c", "m1", "talk")).await;
        assert_eq!(answered(&server, &message("c", "m1", "talk")).await.0, first);
        // Another chat, another text, and another message are others.
        let mut runs = vec![first];
        for other in
            [message("d", "m1", "talk"), message("c", "m1", "talk on"), message("c", "m2", "talk on")]
        {
            runs.push(answered(&server, &other).await.0);
        }
        let mut regenerate = message("c", "m2", "talk on");
        regenerate["trigger"] = "regenerate-message".into();
        for _ in 0..2 {
            runs.push(answered(&server, &regenerate).await.0);
        }
        runs.sort();
        runs.dedup();
        assert_eq!(runs.len(), 6);
    }
}

#[tokio::test]
async fn messages_that_come_at_once_are_answered_each() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let runs = async |chat: &str, texts: [&str; 4]| {
            let messages = texts.map(|text| message(chat, text, text));
            let answers = messages.iter().map(|message| answered(&server, message));
            let runs = futures_util::future::join_all(answers).await.into_iter().map(|(run, _)| run);
            runs.collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(runs("c", ["talk a", "talk b", "talk c", "talk d"]).await, 4);
        assert_eq!(runs("d", ["talk a"; 4]).await, 1, "it is one message");
    }
}

#[tokio::test]
async fn any_process_finds_what_answers_a_chat() {
    let api = fleet();
    let (one, other) = (serve(api.clone()).await, serve(api).await);
    assert_eq!(answer(other.get("/ui/chat/c/stream")).await.status(), StatusCode::NO_CONTENT);
    let first = answer(one.post("/ui/chat", &message("c", "m", "ask"))).await;
    let run = run_of(&first);
    asks(&other, "/ui/chat/c/stream").await;
    let resumed = answer(other.get("/ui/chat/c/stream")).await;
    assert_eq!(run_of(&resumed), run);
    let sent = answer(other.post(&format!("/runs/{run}/input/go"), &json!(false))).await;
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    assert_eq!(parts(&text(resumed).await), parts(&text(first).await));
    assert_eq!(answer(other.get("/ui/chat/c/stream")).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn chats_are_their_owners() {
    let tokens = ReadTokens::new([5; 32]);
    let api = embedded().read_tokens(tokens.clone()).authorize(|request, ask| {
        let user = request.headers.get("x-user").cloned();
        async move {
            match user {
                Some(user) if user == "owner" => Verdict::Allow,
                Some(_) if ask.action == Action::Start => Verdict::Allow,
                Some(_) => Verdict::Deny,
                None => Verdict::Unauthenticated,
            }
        }
    });
    let server = serve(api).await;
    let ask = message("c", "m", "ask");
    assert_eq!(answer(server.post("/ui/chat", &ask)).await.status(), StatusCode::UNAUTHORIZED);
    let mine = answer(server.post("/ui/chat", &ask).header("x-user", "owner")).await;
    let run = run_of(&mine);
    let foreign = async |path: &str| answer(server.get(path).header("x-user", "other")).await.status();
    // What another may not know of is answered as what is not there.
    assert_eq!(foreign("/ui/chat/c/stream").await, StatusCode::NO_CONTENT);
    assert_eq!(foreign("/ui/chat/none/stream").await, StatusCode::NO_CONTENT);
    assert_eq!(foreign(&format!("/ui/chat/{run}/stream?startIndex=0")).await, StatusCode::NOT_FOUND);
    assert_eq!(foreign("/ui/chat/none/stream?startIndex=0").await, StatusCode::NOT_FOUND);
    assert_eq!(foreign(&format!("/runs/{run}/ui")).await, StatusCode::NOT_FOUND);
    assert_eq!(foreign(&format!("/runs/{run}/ui/parts")).await, StatusCode::NOT_FOUND);
    for path in ["/ui/chat/c/stream", "/ui/chat/none/stream"] {
        assert_eq!(answer(server.get(path)).await.status(), StatusCode::UNAUTHORIZED);
    }
    let stop = async |user: &str| {
        let request = server.post("/ui/chat/c/stop", &Value::Null).header("x-user", user.to_owned());
        answer(request).await.status()
    };
    assert_eq!(stop("other").await, StatusCode::NO_CONTENT);
    let hijack = server.post("/ui/chat", &message("c", "n", "talk")).header("x-user", "other");
    assert_eq!(answer(hijack).await.status(), StatusCode::FORBIDDEN);
    // A client that reads elsewhere, without what lets it in, is given a token for that.
    let parts = answer(server.post("/ui/chat/parts", &ask).header("x-user", "owner")).await;
    assert_eq!(parts.status(), StatusCode::CREATED);
    let location = parts.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&format!("../../runs/{run}/ui/parts?token=")), "{location}");
    let read = answer(server.get(location.strip_prefix("../..").unwrap())).await;
    assert_eq!(read.status(), StatusCode::OK);
    assert_eq!(stop("owner").await, StatusCode::ACCEPTED);
    assert!(text(mine).await.contains(r#"{"type":"abort"}"#));
}

/// Reads what comes, until it is cut; whether there were heartbeats.
async fn until_cut(answer: reqwest::Response) -> bool {
    let mut pieces = answer.bytes_stream();
    let read = async {
        let mut beats = false;
        loop {
            match pieces.next().await.expect("an end is an error") {
                Ok(piece) => beats |= piece.starts_with(b": "),
                Err(_) => return beats,
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("it is cut")
}

#[tokio::test]
async fn a_stream_whose_time_is_over_is_cut_and_not_ended() {
    let (tokens, beat) = (ReadTokens::new([5; 32]), Duration::from_millis(50));
    let server = serve(embedded().read_tokens(tokens.clone()).heartbeat(beat)).await;
    let run = run_of(&answer(server.post("/ui/chat", &message("c", "m", "ask"))).await);
    let token = tokens.issue(&run.parse().unwrap(), Duration::from_secs(2));
    assert!(until_cut(answer(server.get(&format!("/runs/{run}/ui?token={token}"))).await).await);
    let server = serve(embedded().max_stream_age(Duration::from_secs(1)).heartbeat(beat)).await;
    assert!(until_cut(answer(server.post("/ui/chat", &message("c", "m", "ask"))).await).await);
}

#[tokio::test]
async fn no_more_read_than_may_and_a_protocol_may_be_off() {
    let server = serve(embedded().max_readers(1)).await;
    let first = answer(server.post("/ui/chat", &message("c", "m", "ask"))).await;
    for request in [server.get("/ui/chat/c/stream"), server.post("/ui/chat", &message("d", "m", "talk"))] {
        assert_eq!(answer(request).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    drop(first);
    let server = serve(embedded().protocol(Protocol::AiSdk, false)).await;
    for request in [server.get("/ui/chat/c/stream"), server.post("/ui/chat", &message("d", "m", "talk"))] {
        assert_eq!(answer(request).await.status(), StatusCode::NOT_FOUND);
    }
}
