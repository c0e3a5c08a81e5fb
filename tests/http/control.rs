use std::time::Duration;

use gensx::http::{Action, ReadTokens, Verdict};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{answer, embedded, fleet, json, serve, text, until_cut};

#[tokio::test]
async fn a_message_reaches_a_run_that_asks() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let run = server.start("asks", 1).await;
        let waiting = server.until(&run, |summary| summary["waiting_for"][0]["name"] == "send").await;
        assert_eq!(waiting["status"], "running");
        let early = answer(server.get(&format!("/runs/{run}/output"))).await;
        assert_eq!(early.status(), StatusCode::ACCEPTED);
        let sent = answer(server.post(&format!("/runs/{run}/input/send"), &json!(true))).await;
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
        let ended = server.until(&run, |summary| summary["status"] == "succeeded").await;
        assert_eq!((&ended["output"], &ended["calls"]["succeeded"]), (&json!(["asks-1"]), &json!(1)));
        let late = answer(server.post(&format!("/runs/{run}/input/send"), &json!(true))).await;
        assert_eq!(late.status(), StatusCode::CONFLICT);
        let own = answer(server.post(&format!("/runs/{run}/input/gensx.cancel"), &json!(null))).await;
        assert_eq!(own.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_run_is_cancelled_and_deleted() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let run = server.start("asks", 1).await;
        server.until(&run, |summary| summary["waiting_for"][0]["name"] == "send").await;
        let path = format!("/runs/{run}");
        assert_eq!(answer(server.request("DELETE", &path)).await.status(), StatusCode::CONFLICT);
        let cancelled = answer(server.request("POST", &format!("{path}/cancel"))).await;
        assert_eq!(cancelled.status(), StatusCode::ACCEPTED);
        server.until(&run, |summary| summary["status"] == "cancelled").await;
        assert_eq!(answer(server.request("DELETE", &path)).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(answer(server.get(&path)).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(answer(server.request("DELETE", &path)).await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_run_that_failed_is_retried() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let run = server.start("fails", 2).await;
        server.until(&run, |summary| summary["status"] == "failed").await;
        let retried = answer(server.request("POST", &format!("/runs/{run}/retry"))).await;
        assert_eq!(retried.status(), StatusCode::CREATED);
        let next = json(retried).await["id"].as_str().unwrap().to_owned();
        let next = server.until(&next, |summary| summary["status"] == "failed").await;
        assert_eq!(next["retry_of"], run.as_str());
    }
}

#[tokio::test]
async fn who_may_not_is_told_what_is_said_of_nothing() {
    let tokens = ReadTokens::new([3; 32]);
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
    let order = json!({ "name": "asks", "pieces": 1 });
    assert_eq!(
        answer(server.post("/workflows/order/start", &order)).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let started = answer(server.post("/workflows/order/start", &order).header("x-user", "owner")).await;
    let run = json(started).await["executionId"].as_str().unwrap().to_owned();

    let ask = async |run: &str, path: &str| {
        let answer = answer(server.get(&format!("/runs/{run}{path}")).header("x-user", "other")).await;
        (answer.status(), text(answer).await.replace(run, "RUN"))
    };
    for path in ["", "/events", "/output"] {
        let (foreign, unknown) = (ask(&run, path).await, ask("nobody", path).await);
        assert_eq!(foreign.0, StatusCode::NOT_FOUND);
        assert_eq!(foreign, unknown, "{path}");
    }
    let denied = answer(server.get("/workflows").header("x-user", "other")).await;
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);

    let id = run.parse().unwrap();
    let token = tokens.issue(&id, Duration::from_secs(60));
    let page = answer(server.get(&format!("/runs/{run}/events?token={token}"))).await;
    assert_eq!(page.status(), StatusCode::OK);
    let cancel = answer(server.request("POST", &format!("/runs/{run}/cancel?token={token}"))).await;
    assert_eq!(cancel.status(), StatusCode::UNAUTHORIZED, "it is for reading");
    let other = answer(server.get(&format!("/runs/other/events?token={token}"))).await;
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    // A stream that a token opened is cut with it, which a reader does not take for the run's end.
    let short = tokens.issue(&id, Duration::from_secs(2));
    let open = server.get(&format!("/runs/{run}/events?token={short}")).header("accept", "text/event-stream");
    let (events, end) = until_cut(answer(open).await).await;
    assert!(events.contains("input.requested") && end.is_err(), "{events}");
    // One of the protocol's ends, because its readers know from the last event that it is not over.
    let short = tokens.issue(&id, Duration::from_secs(2));
    let open = server.get(&format!("/runs/{run}/events?token={short}&offset=-1&live=sse"));
    let (events, end) = until_cut(answer(open).await).await;
    assert!(
        events.contains("input.requested") && !events.contains("streamClosed") && end.is_ok(),
        "{events}"
    );
}

#[tokio::test]
async fn pages_of_other_origins_change_nothing() {
    let server = serve(embedded().origin("https://app.example.com")).await;
    let order = json!({ "name": "tea", "pieces": 1 });
    let from = |origin: &str| answer(server.post("/workflows/order/start", &order).header("origin", origin));
    assert_eq!(from("https://evil.example.com").await.status(), StatusCode::FORBIDDEN);
    let allowed = from("https://app.example.com").await;
    assert_eq!(allowed.status(), StatusCode::ACCEPTED);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example.com");
    let preflight = server
        .request("OPTIONS", "/runs/a/events")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "if-none-match,last-event-id");
    let allowed =
        answer(preflight).await.headers()["access-control-allow-headers"].to_str().unwrap().to_owned();
    assert!(allowed.contains("if-none-match") && allowed.contains("last-event-id"), "{allowed}");
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let mut runs = Vec::new();
        for _ in 0..5 {
            runs.insert(0, server.start("tea", 1).await);
        }
        let broken = server.start("fails", 1).await;
        for run in runs.iter().chain([&broken]) {
            server.until(run, |summary| summary["status"] != "running").await;
        }
        let (mut listed, mut after) = (Vec::new(), String::new());
        loop {
            let page = json(
                answer(server.get(&format!("/runs?status=succeeded&workflow=order&limit=2{after}"))).await,
            )
            .await;
            listed.extend(
                page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        // Those of one millisecond are in the order of their ids.
        listed.sort();
        runs.sort();
        assert_eq!(listed, runs);
        let failed = json(answer(server.get("/runs?status=failed")).await).await;
        assert_eq!(failed["runs"][0]["id"], broken.as_str());
        for wrong in ["status=odd", "limit=0", "limit=x", "since=-1", "after=x"] {
            assert_eq!(
                answer(server.get(&format!("/runs?{wrong}"))).await.status(),
                StatusCode::BAD_REQUEST,
                "{wrong}"
            );
        }
    }
}
