//! What `@gensx/client` 0.1.10 and `@gensx/react` 0.2.7 send, and what they have to get.

mod read;

use gensx::{
    Runtime, component,
    http::{Action, Api, Protocol, Verdict},
};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use self::read::{Lines, assert_packed, messages, types};
use crate::support::{Server, answer, embedded, fleet, json, serve};

/// The most requests that one reader makes of one run.
const MAX_SITTINGS: usize = 1_000;

/// Before workflows and before executions: a local server, the cloud, and both with a slash at the end of the base URL.
const FORMS: [(&str, &str); 4] = [
    ("", ""),
    ("/org/acme/projects/web/environments/prod", "/org/acme"),
    ("/", "/"),
    ("//org/acme/projects/web/environments/prod", "//org/acme"),
];

/// As the client's POSTs are, its `Accept` aside.
fn post(server: &Server, path: &str, body: &Value) -> RequestBuilder {
    server.post(path, body).header("authorization", "Bearer key").header("accept", "*/*")
}

fn get(server: &Server, path: &str) -> RequestBuilder {
    server.get(path).header("authorization", "Bearer key").header("accept", "*/*")
}

fn order(name: &str) -> Value {
    json!({ "name": name, "pieces": 2 })
}

#[tokio::test]
async fn the_client_runs_a_workflow_in_every_form_of_its_urls() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        for (workflows, _) in FORMS {
            let path = format!("{workflows}/workflows/order");
            let whole = answer(post(&server, &path, &order("tea"))).await;
            assert_eq!(whole.status(), StatusCode::OK, "{path}");
            let whole = json(whole).await;
            assert_eq!(whole["executionStatus"], "completed");
            assert_eq!(whole["output"], json!(["tea-1", "tea-2"]));
            for accept in ["application/x-ndjson", "text/event-stream"] {
                let raw = server.post(&path, &order("tea")).header("accept", accept);
                let raw = answer(raw).await;
                assert_eq!(raw.headers()["content-type"], accept);
                let run = raw.headers()["x-execution-id"].to_str().unwrap().to_owned();
                let messages = messages(raw).await;
                assert_packed(&messages);
                assert_eq!(messages[0]["workflowExecutionId"], run.as_str());
            }
        }
    }
}

#[tokio::test]
async fn the_client_starts_and_watches_in_every_form_of_its_urls() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        for (workflows, executions) in FORMS {
            let start =
                answer(post(&server, &format!("{workflows}/workflows/order/start"), &order("tea"))).await;
            assert_eq!(start.status(), StatusCode::ACCEPTED);
            let run = start.headers()["x-execution-id"].to_str().unwrap().to_owned();
            let place = start.url().join(start.headers()["location"].to_str().unwrap()).unwrap();
            assert_eq!(place.path(), format!("/runs/{run}"));
            let body = json(start).await;
            assert_eq!((&body["executionId"], &body["executionStatus"]), (&json!(run), &json!("queued")));

            let path = format!("{executions}/workflowExecutions/{run}");
            for accept in ["application/x-ndjson", "text/event-stream", "*/*"] {
                let progress = server.get(&format!("{path}/progress")).header("accept", accept);
                assert_packed(&messages(answer(progress).await).await);
            }
            let output = json(answer(get(&server, &format!("{path}/output"))).await).await;
            assert_eq!(output["output"], json!(["tea-1", "tea-2"]));

            let path = format!("{workflows}/workflows/order/executions/{run}");
            let shown = json(answer(get(&server, &path)).await).await;
            assert_eq!((&shown["id"], &shown["executionStatus"]), (&json!(run), &json!("completed")));
            assert_eq!(shown["output"], json!(["tea-1", "tea-2"]));
            assert!(shown["createdAt"].as_str().unwrap() <= shown["finishedAt"].as_str().unwrap());
            let other = format!("{workflows}/workflows/other/executions/{run}");
            assert_eq!(answer(get(&server, &other)).await.status(), StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn a_page_of_react_runs_starts_and_answers() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        for (workflows, _) in FORMS {
            // The hook is given the workflow's own address, and asks for everything below that.
            let base = format!("{workflows}/workflows/order");
            let started = server
                .post(&format!("{base}/start"), &order("asks"))
                .header("accept", "application/x-ndjson");
            let run = json(answer(started).await).await["executionId"].as_str().unwrap().to_owned();
            // A POST without a body and without headers.
            let progress = server.request("POST", &format!("{base}/workflowExecutions/{run}/progress"));
            let mut progress = Lines::new(answer(progress).await);
            assert_eq!(progress.until("start").await["workflowExecutionId"], run.as_str());
            let tool = progress.until("external-tool").await;
            assert_eq!((&tool["toolName"], &tool["fulfilled"]), (&json!("send"), &Value::Null));
            let node = tool["nodeId"].as_str().unwrap();
            let fulfil = format!("{base}/workflowExecutions/{run}/fulfill/{node}");

            let missing = json!({ "__gensxMissingToolImplementation": true, "toolName": "send" });
            for result in [missing, json!(true), json!(false)] {
                let fulfilled = answer(server.post(&fulfil, &result)).await;
                assert_eq!(fulfilled.status(), StatusCode::OK);
                assert_eq!(json(fulfilled).await, json!({ "success": true }));
            }
            // The first one that is an answer counts.
            assert_eq!(progress.until("data").await["data"], json!(["asks-1", "asks-2"]));
            progress.until("output").await;
            assert_eq!(progress.next().await, None);

            // A page that is loaded again sees that nothing is asked any more; its answer changes nothing.
            let again = server.request("POST", &format!("{base}/workflowExecutions/{run}/progress"));
            let tool = Lines::new(answer(again).await).until("external-tool").await;
            assert_eq!(tool["fulfilled"], true);
            assert_eq!(answer(server.post(&fulfil, &json!(true))).await.status(), StatusCode::OK);
        }
    }
}

/// What a path must not hold as it is.
const ODD: &str = "ask/it? \u{2713} 100%41#..";

#[component]
async fn asks_for(name: String) -> gensx::Result<Value> {
    gensx::input(&name, None).await
}

#[tokio::test]
async fn a_question_of_any_name_is_answered_by_its_node() {
    let server = serve(Api::new(Runtime::builder().register(&asks_for).build())).await;
    let run = server.post("/workflows/asks_for", &json!(ODD)).header("accept", "application/x-ndjson");
    let mut run = Lines::new(answer(run).await);
    let id = run.until("start").await["workflowExecutionId"].as_str().unwrap().to_owned();
    let tool = run.until("external-tool").await;
    assert_eq!(tool["toolName"], ODD);
    let node = tool["nodeId"].as_str().unwrap();
    let fulfil = server.post(&format!("/workflowExecutions/{id}/fulfill/{node}"), &json!("so"));
    assert_eq!(answer(fulfil).await.status(), StatusCode::OK);
    assert_eq!(run.until("output").await["content"], "so");
}

#[tokio::test]
async fn a_page_of_react_runs_with_the_lines_that_it_asks_for_by_a_header() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let run = server.post("/workflows/order", &order("tea")).header("accept", "application/x-ndjson");
        assert_packed(&messages(answer(run).await).await);
        // Its body is `{}` where a workflow has no inputs, and what is wrong is said before anything streams.
        let wrong = server.post("/workflows/order", &json!({})).header("accept", "application/x-ndjson");
        assert_eq!(answer(wrong).await.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn an_early_answer_waits_for_the_question_and_false_is_an_answer() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let run = server.start("asks", 1).await;
        let fulfil = format!("/workflowExecutions/{run}/fulfill/send");
        assert_eq!(answer(post(&server, &fulfil, &json!(false))).await.status(), StatusCode::OK);
        let progress =
            messages(answer(server.get(&format!("/workflowExecutions/{run}/progress"))).await).await;
        let error = progress.last().unwrap();
        assert_eq!((&error["type"], &error["executionStatus"]), (&json!("error"), &json!("failed")));
        assert!(error["error"].as_str().unwrap().contains("it is not to be sent"), "{error}");
        // By its plain name, a run that has ended takes nothing more.
        assert_eq!(answer(post(&server, &fulfil, &json!(true))).await.status(), StatusCode::CONFLICT);
    }
}

#[tokio::test]
async fn the_answer_closes_after_the_one_error_of_a_run_that_fails_or_is_cancelled() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let failed = server.start("fails", 1).await;
        let cancelled = server.start("asks", 1).await;
        server.until(&cancelled, |summary| summary["waiting_for"][0]["name"] == "send").await;
        answer(server.request("POST", &format!("/runs/{cancelled}/cancel"))).await;
        for run in [failed, cancelled] {
            for accept in ["application/x-ndjson", "text/event-stream"] {
                let path = format!("/workflowExecutions/{run}/progress");
                let messages = messages(answer(server.get(&path).header("accept", accept)).await).await;
                let types = types(&messages);
                assert_eq!(types.iter().filter(|kind| ["error", "end"].contains(kind)).count(), 1);
                let error = messages.last().unwrap();
                assert_eq!((&error["type"], &error["executionId"]), (&json!("error"), &json!(run)));
            }
            let output = answer(get(&server, &format!("/workflowExecutions/{run}/output"))).await;
            assert_eq!(output.status(), StatusCode::UNPROCESSABLE_ENTITY);
            let shown = json(answer(get(&server, &format!("/workflows/order/executions/{run}"))).await).await;
            assert_eq!(shown["executionStatus"], "failed");
            assert!(shown["error"].is_string());
        }
    }
}

/// Reads a run in sittings that are cut at random, and goes on behind the last message each time.
async fn in_sittings(server: &Server, run: &str, random: &mut fastrand::Rng) -> Vec<Value> {
    let path = format!("/workflowExecutions/{run}/progress");
    let mut messages = Vec::<Value>::new();
    for _ in 0..MAX_SITTINGS {
        let last = messages.last().map(|message| message["id"].as_str().unwrap().to_owned());
        let request = match last {
            None => server.get(&path),
            Some(id) if random.bool() => {
                server.get(&format!("{path}?lastEventId={id}")).header("last-event-id", "-")
            }
            Some(id) => server.get(&path).header("last-event-id", id),
        };
        let mut lines = Lines::new(answer(request).await);
        for _ in 0..random.usize(0..5) {
            match lines.next().await {
                Some(message) => messages.push(message),
                None => return messages,
            }
        }
    }
    panic!("the run's messages end")
}

#[tokio::test]
async fn a_reader_who_is_cut_off_goes_on_where_it_was() {
    for (seed, api) in [embedded().page_events(2), fleet().page_events(2)].into_iter().enumerate() {
        let server = serve(api).await;
        let mut random = fastrand::Rng::with_seed(seed as u64);
        for _ in 0..5 {
            let run = server.start("tea", 4).await;
            let live = in_sittings(&server, &run, &mut random).await;
            let whole =
                messages(answer(server.get(&format!("/workflowExecutions/{run}/progress"))).await).await;
            assert_eq!(live, whole);
            assert_eq!(whole.last().unwrap()["type"], "output");
            assert_eq!(in_sittings(&server, &run, &mut random).await, whole);
        }
    }
}

#[tokio::test]
async fn positions_that_are_none_are_refused() {
    let server = serve(embedded()).await;
    let run = server.start("tea", 1).await;
    server.until(&run, |summary| summary["status"] == "succeeded").await;
    let path = format!("/workflowExecutions/{run}/progress");
    for (id, status) in
        [("undefined", 400), ("1749747362972-0", 400), ("00000009-00000000000009-00", 410), ("", 200)]
    {
        assert_eq!(answer(server.get(&format!("{path}?lastEventId={id}"))).await.status(), status, "{id}");
    }
    for unknown in ["nobody", "a%20b", "..%2f..%2fetc"] {
        for request in [
            server.get(&format!("/workflowExecutions/{unknown}/progress")),
            server.get(&format!("/workflowExecutions/{unknown}/output")),
            server.get(&format!("/workflows/order/executions/{unknown}")),
            server.post(&format!("/workflowExecutions/{unknown}/fulfill/send"), &json!(1)),
        ] {
            assert_eq!(answer(request).await.status(), StatusCode::NOT_FOUND, "{unknown}");
        }
    }
    let whole = messages(answer(server.get(&path)).await).await;
    let last = whole.last().unwrap()["id"].as_str().unwrap();
    // A browser's own reader stays away then.
    let again = server.get(&path).header("accept", "text/event-stream").header("last-event-id", last);
    assert_eq!(answer(again).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_gets_heartbeats() {
    let server = serve(embedded().heartbeat(std::time::Duration::from_millis(20))).await;
    let run = server.start("asks", 1).await;
    let mut lines = Lines::new(answer(server.get(&format!("/workflowExecutions/{run}/progress"))).await);
    lines.until("external-tool").await;
    assert_eq!(lines.next().await, None, "no message comes");
    assert!(lines.blank > 1, "but blank lines do");
}

#[tokio::test]
async fn the_executions_of_a_workflow_are_listed_newest_first() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let mut runs = Vec::new();
        for name in ["tea", "fails", "asks"] {
            let run = server.start(name, 1).await;
            server.until(&run, |summary| summary["status"] != "running" || name == "asks").await;
            runs.insert(0, run);
        }
        server.until(&runs[0], |summary| summary["waiting_for"][0]["name"] == "send").await;
        for (workflows, _) in FORMS {
            let path = format!("{workflows}/workflows/order/executions");
            let page = json(answer(get(&server, &path)).await).await;
            let executions = page["executions"].as_array().unwrap();
            let of = |name: &str| executions.iter().map(|it| it[name].clone()).collect::<Vec<_>>();
            assert_eq!(of("id"), runs);
            assert_eq!(of("executionStatus"), ["running", "failed", "completed"]);
            assert!(executions[1]["finishedAt"].is_string() && executions[0]["finishedAt"].is_null());
            let other =
                json(answer(get(&server, &format!("{workflows}/workflows/other/executions"))).await).await;
            assert_eq!(other["executions"], json!([]));
        }
    }
}

#[tokio::test]
async fn the_hook_is_asked_as_for_the_routers_own_routes() {
    let server = serve(embedded().authorize(|request, ask| {
        let may = request.headers.get("authorization").is_some_and(|key| key == "Bearer key");
        let known = matches!(ask.action, Action::Start | Action::Read | Action::Input);
        async move { if may && known { Verdict::Allow } else { Verdict::Deny } }
    }))
    .await;
    let started = answer(post(&server, "/workflows/order/start", &order("tea"))).await;
    let run = started.headers()["x-execution-id"].to_str().unwrap().to_owned();
    let path = format!("/org/acme/workflowExecutions/{run}");
    assert_packed(&messages(answer(get(&server, &format!("{path}/progress"))).await).await);
    for (request, status) in [
        (server.get(&format!("{path}/progress")), 404),
        (server.get(&format!("{path}/output")), 404),
        (server.get(&format!("/workflows/order/executions/{run}")), 404),
        (server.post(&format!("{path}/fulfill/send"), &json!(true)), 404),
        (server.post("/workflows/order", &order("tea")).header("accept", "application/x-ndjson"), 403),
        (get(&server, "/workflows/order/executions"), 403),
    ] {
        assert_eq!(answer(request).await.status(), status);
    }
}

#[tokio::test]
async fn a_protocol_that_is_switched_off_leaves_no_route() {
    let server = serve(embedded().protocol(Protocol::GenSx, false)).await;
    let raw = server.post("/workflows/order", &order("tea")).header("accept", "application/x-ndjson");
    let raw = answer(raw).await;
    let run = raw.headers()["x-execution-id"].to_str().unwrap().to_owned();
    assert_eq!(json(raw).await["executionStatus"], "completed");
    assert_eq!(
        answer(server.get(&format!("/workflowExecutions/{run}/progress"))).await.status(),
        StatusCode::NOT_FOUND
    );
}
