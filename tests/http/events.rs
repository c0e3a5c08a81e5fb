use std::time::Duration;

use gensx::http::Api;
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Server, answer, described, embedded, fleet, json, order, serve, text};

/// Every event of a run, by pages.
async fn pages(server: &Server, run: &str) -> Vec<Value> {
    let (mut events, mut offset) = (Vec::new(), "-1".to_owned());
    loop {
        let page = answer(server.get(&format!("/runs/{run}/events?offset={offset}"))).await;
        assert_eq!(page.status(), StatusCode::OK);
        let headers = page.headers().clone();
        offset = headers["stream-next-offset"].to_str().unwrap().to_owned();
        let Value::Array(more) = json(page).await else { panic!("an array") };
        events.extend(more);
        if headers.contains_key("stream-closed") {
            return events;
        }
    }
}

/// The JSON of an event stream's data events, and the offset of its last control event.
fn data(stream: &str) -> (Vec<Value>, String) {
    let (mut events, mut offset) = (Vec::new(), String::new());
    for event in stream.split("\n\n") {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let Some(data) = field("data:") else { continue };
        let data: Value = serde_json::from_str(data).unwrap();
        match field("event: ") {
            Some("data") => events.extend(data.as_array().unwrap().clone()),
            Some("control") => offset = data["streamNextOffset"].as_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }
    (events, offset)
}

#[tokio::test]
async fn every_way_of_reading_gives_the_same() {
    for api in [embedded().page_events(3), fleet().page_events(3)] {
        let server = serve(api).await;
        let run = server.start("tea", 4).await;
        let path = format!("/runs/{run}/events");
        let live = answer(server.get(&path).header("accept", "text/event-stream")).await;
        assert_eq!(live.headers()["content-type"], "text/event-stream");
        let (live, end) = data(&text(live).await);
        assert_eq!(live.last().unwrap()["type"], "run.ended");
        assert_eq!(live, pages(&server, &run).await);
        let lines = text(answer(server.get(&path).header("accept", "application/x-ndjson")).await).await;
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, live);

        // A browser that comes back at the end is told to stay away.
        let again = server.get(&path).header("accept", "text/event-stream").header("last-event-id", end);
        assert_eq!(answer(again).await.status(), StatusCode::NO_CONTENT);
        for event in &live {
            let id = event["id"].as_str().unwrap();
            let rest = server.get(&path).header("accept", "text/event-stream").header("last-event-id", id);
            let (rest, _) = data(&text(answer(rest).await).await);
            assert!(live.ends_with(&rest) && rest.first().is_none_or(|next| next["id"].as_str() > Some(id)));
        }
    }
}

#[tokio::test]
async fn a_long_poll_waits_for_news() {
    let server = serve(fleet().long_poll(Duration::from_millis(200))).await;
    let run = server.start("asks", 1).await;
    server.until(&run, |summary| summary["waiting_for"][0]["name"] == "send").await;
    let path = format!("/runs/{run}/events");
    let tail = answer(server.get(&format!("{path}?offset=now"))).await;
    let tail = tail.headers()["stream-next-offset"].to_str().unwrap().to_owned();
    let quiet = answer(server.get(&format!("{path}?offset={tail}&live=long-poll"))).await;
    assert_eq!(quiet.status(), StatusCode::NO_CONTENT);
    assert_eq!(quiet.headers()["stream-next-offset"], tail.as_str());
    assert_eq!(quiet.headers()["stream-up-to-date"], "true");

    let server = serve(embedded()).await;
    let run = server.start("asks", 1).await;
    server.until(&run, |summary| summary["waiting_for"][0]["name"] == "send").await;
    let tail = answer(server.get(&format!("/runs/{run}/events?offset=now"))).await;
    let tail = tail.headers()["stream-next-offset"].to_str().unwrap().to_owned();
    let poll = tokio::spawn(answer(server.get(&format!("/runs/{run}/events?offset={tail}&live=long-poll"))));
    answer(server.post(&format!("/runs/{run}/input/send"), &true.into())).await;
    let news = poll.await.unwrap();
    assert_eq!(news.status(), StatusCode::OK);
    assert_eq!(json(news).await[0]["type"], "input.received");
}

#[tokio::test]
async fn a_page_is_known_by_its_tag() {
    let server = serve(embedded()).await;
    let run = server.start("tea", 1).await;
    server.until(&run, |summary| summary["status"] == "succeeded").await;
    let path = format!("/runs/{run}/events");
    let page = answer(server.get(&path)).await;
    assert!(page.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    let tag = page.headers()["etag"].clone();
    let again = answer(server.get(&path).header("if-none-match", tag)).await;
    assert_eq!((again.status(), again.content_length()), (StatusCode::NOT_MODIFIED, Some(0)));
}

#[tokio::test]
async fn positions_that_are_none_are_refused() {
    let server = serve(embedded()).await;
    let run = server.start("tea", 1).await;
    server.until(&run, |summary| summary["status"] == "succeeded").await;
    let path = format!("/runs/{run}/events");
    let far = "00000001-0000000000ffff";
    for (query, status) in
        [("?offset=", 400), ("?offset=a", 400), ("?live=sse", 400), (&*format!("?offset={far}"), 410)]
    {
        assert_eq!(answer(server.get(&format!("{path}{query}"))).await.status(), status, "{query}");
    }
    for unknown in ["nobody", "a%20b", "..%2f..%2fetc", &"x".repeat(4_000)] {
        let answer = answer(server.get(&format!("/runs/{unknown}/events"))).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{unknown}");
    }
}

#[tokio::test]
async fn no_more_read_than_may() {
    let server = serve(embedded().max_readers(1)).await;
    let run = server.start("asks", 1).await;
    let path = format!("/runs/{run}/events");
    let open = || server.get(&path).header("accept", "text/event-stream");
    let first = answer(open()).await;
    let second = answer(open()).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(second.headers().contains_key("retry-after"));
    // Pages need no seat.
    assert_eq!(answer(server.get(&path)).await.status(), StatusCode::OK);
    drop(first);
    let wait = async {
        while answer(open()).await.status() != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the seat is free again");
}

#[tokio::test]
async fn history_is_served_with_every_worker_stopped() {
    let backend = gensx::Backend::in_memory();
    // A run that waits for input is not waited for.
    let worker = gensx::Worker::builder(backend.clone()).register(&order).drain_deadline(Duration::ZERO);
    let worker = worker.build().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move { worker.run_until(async { drop(stopped.await) }).await });
    let api = || Api::new(gensx::Client::new(backend.clone())).workflow(described());
    let server = serve(api()).await;
    let (ended, waits) = (server.start("tea", 2).await, server.start("asks", 1).await);
    server.until(&ended, |summary| summary["status"] == "succeeded").await;
    server.until(&waits, |summary| summary["waiting_for"][0]["name"] == "send").await;
    let before = pages(&server, &ended).await;
    drop(stop);
    working.await.unwrap().unwrap();

    // By a process that has seen nothing of it, too.
    let server = serve(api()).await;
    assert_eq!(pages(&server, &ended).await, before);
    let path = format!("/runs/{waits}/events");
    let page = json(answer(server.get(&path)).await).await;
    assert!(page.as_array().unwrap().iter().any(|event| event["type"] == "input.requested"));
    let started = server.start("tea", 1).await;
    let waiting = server.until(&started, |summary| summary["status"] == "running").await;
    assert_eq!(waiting["calls"]["started"], 0, "nobody has it");
}
