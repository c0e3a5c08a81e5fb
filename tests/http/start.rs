use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{answer, embedded, fleet, json, serve, serve_app, text};

#[tokio::test]
async fn a_start_that_waits_gives_the_output() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let answer = answer(server.post("/workflows/order", &json!({ "name": "tea", "pieces": 2 }))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers().contains_key("x-execution-id"));
        let body = json(answer).await;
        assert_eq!(
            (&body["executionStatus"], &body["output"]),
            (&json!("completed"), &json!(["tea-1", "tea-2"]))
        );
    }
}

#[tokio::test]
async fn a_run_that_fails_says_why() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let answer = answer(server.post("/workflows/order", &json!({ "name": "fails", "pieces": 1 }))).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let error = json(answer).await["error"].as_str().unwrap().to_owned();
        assert!(error.contains("it is broken"), "{error}");
    }
}

#[tokio::test]
async fn a_start_that_is_repeated_under_its_key_is_one_run() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let start = || {
            let order = json!({ "name": "tea", "pieces": 1 });
            answer(server.post("/workflows/order/start", &order).header("idempotency-key", "click-1"))
        };
        let (first, second) = (start().await, start().await);
        assert_eq!((first.status(), second.status()), (StatusCode::ACCEPTED, StatusCode::OK));
        assert_eq!(json(first).await["executionId"], json(second).await["executionId"]);
    }
}

#[tokio::test]
async fn an_input_is_checked_before_anything_starts() {
    let server = serve(fleet()).await;
    let wrong = answer(server.post("/workflows/order", &json!({ "name": 7, "pieces": 0 }))).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let body = json(wrong).await;
    let places: Vec<&Value> = body["at"].as_array().unwrap().iter().map(|at| &at["path"]).collect();
    assert_eq!(places, ["/name", "/pieces"]);
    assert!(!body.to_string().contains('7'), "the value is not repeated: {body}");
    for (body, status) in [("{", 400), ("", 400), ("nul", 400)] {
        let request =
            server.request("POST", "/workflows/order/start").header("content-type", "application/json");
        assert_eq!(answer(request.body(body)).await.status(), status, "{body:?}");
    }
    let plain =
        server.request("POST", "/workflows/order/start").header("content-type", "text/plain").body("{}");
    assert_eq!(answer(plain).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = json!({ "name": "x".repeat(2 << 20), "pieces": 1 });
    assert_eq!(answer(server.post("/workflows/order", &large)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_unknown_workflow_is_not_started() {
    for api in [embedded(), fleet()] {
        let server = serve(api).await;
        let answer = answer(server.post("/workflows/other/start", &json!({}))).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert!(text(answer).await.contains("other"));
    }
}

#[tokio::test]
async fn what_there_is_is_described() {
    let server = serve(fleet()).await;
    let list = json(answer(server.get("/workflows")).await).await;
    assert_eq!(list["workflows"][0]["name"], "order");
    let document = json(answer(server.get("/openapi.json")).await).await;
    let body = &document["paths"]["/workflows/order/start"]["post"]["requestBody"];
    assert_eq!(body["content"]["application/json"]["schema"]["required"], json!(["name", "pieces"]));
}

#[tokio::test]
async fn the_router_is_nested_anywhere() {
    let app = axum::Router::new().nest("/of/{tenant}/api", embedded().router());
    let server = serve_app(app, "/of/7/api").await;
    let run = server.start("tea", 1).await;
    server.until(&run, |summary| summary["status"] == "succeeded").await;
    assert_eq!(answer(server.get(&format!("/runs/{run}/events"))).await.status(), StatusCode::OK);
    assert_eq!(
        answer(server.get(&format!("/workflowExecutions/{run}/output"))).await.status(),
        StatusCode::OK
    );
    assert_eq!(answer(server.get("/nothing")).await.status(), StatusCode::NOT_FOUND);
}
