//! The console's files, asked for as bytes on a socket: no client puts a path in order before it is sent.

#![cfg_attr(
    not(feature = "console"),
    expect(dead_code, reason = "an answer's head and body are the console's")
)]

use axum::Router;
use gensx_core::{Backend, Client};
use gensx_http::Api;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// Serves a router, and gives where.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn api() -> Api {
    Api::new(Client::new(Backend::in_memory()))
}

async fn ask(address: &str, request: &str, headers: &str) -> Answer {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

async fn get(address: &str, path: &str) -> Answer {
    ask(address, &format!("GET {path}"), "").await
}

#[tokio::test]
async fn the_console_is_there_exactly_with_its_feature() {
    let expected = if cfg!(feature = "console") { 200 } else { 404 };
    let address = serve(api().router()).await;
    let nested = serve(Router::new().nest("/api/v1", api().router())).await;
    for file in ["", "/app.js", "/base.css", "/icon.svg"] {
        assert_eq!(get(&address, &format!("/console{file}")).await.status, expected, "{file}");
        assert_eq!(get(&nested, &format!("/api/v1/console{file}")).await.status, expected, "{file}");
    }
    assert_eq!(get(&address, "/workflows").await.status, 200);
}

#[cfg(feature = "console")]
mod with_it {
    use gensx_http::Verdict;

    use super::*;

    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
        img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// The files that the page and its modules name.
    async fn named(address: &str) -> Vec<String> {
        let page = get(address, "/console").await.body;
        let named = page.split("\"console/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        let mut files: Vec<String> = named.collect();
        let mut at = 0;
        while let Some(file) = files.get(at).cloned() {
            at += 1;
            let content = get(address, &format!("/console/{file}")).await.body;
            for import in content.split("from \"./").skip(1) {
                let import = import.split('"').next().unwrap().to_owned();
                if !files.contains(&import) {
                    files.push(import);
                }
            }
        }
        files
    }

    #[tokio::test]
    async fn every_file_is_served_with_its_type_and_the_policy() {
        let address = serve(api().router()).await;
        let files = named(&address).await;
        assert!(files.len() > 15, "{files:?}");
        for file in std::iter::once(String::new()).chain(files.iter().map(|file| format!("/{file}"))) {
            let answer = get(&address, &format!("/console{file}")).await;
            assert_eq!(answer.status, 200, "{file}");
            let kind = match file.rsplit_once('.').map(|(_, kind)| kind) {
                Some("js") => "text/javascript; charset=utf-8",
                Some("css") => "text/css; charset=utf-8",
                Some("svg") => "image/svg+xml",
                _ => "text/html; charset=utf-8",
            };
            assert_eq!(answer.header("content-type"), Some(kind), "{file}");
            assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{file}");
            assert_eq!(answer.header("cache-control"), Some("no-cache"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
            assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        }
    }

    #[tokio::test]
    async fn a_file_is_known_by_its_tag() {
        let address = serve(api().router()).await;
        let tag = get(&address, "/console").await.header("etag").unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let answer = ask(&address, "GET /console", &format!("if-none-match: {known}\r\n")).await;
            assert_eq!((answer.status, answer.body.as_str()), (304, ""), "{known}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
        let other = ask(&address, "GET /console", "if-none-match: \"other\"\r\n").await;
        assert_eq!(other.status, 200);
        assert_ne!(get(&address, "/console/app.js").await.header("etag"), Some(tag.as_str()));
    }

    #[tokio::test]
    async fn nothing_else_is_served() {
        let address = serve(api().router()).await;
        let paths = [
            "/console/",
            "/console/index.html",
            "/console/package.json",
            "/console/nothing.js",
            "/console/APP.JS",
            "/console/app.js/",
            "/console/app.js%00",
            "/console/../Cargo.toml",
            "/console/..%2f..%2fCargo.toml",
            "/console/%2e%2e/%2e%2e/Cargo.toml",
            "/console/..%5c..%5cCargo.toml",
            "/console//etc/passwd",
            "/console/%2fetc%2fpasswd",
            "/console/assets/app.js",
        ];
        for path in paths {
            let answer = get(&address, path).await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(!answer.body.contains("[package]") && !answer.body.contains("root:"), "{path}");
        }
        for method in ["POST", "PUT", "DELETE"] {
            assert_eq!(
                ask(&address, &format!("{method} /console"), "content-length: 0\r\n").await.status,
                405
            );
        }
        assert_eq!(ask(&address, "HEAD /console", "").await.status, 200);
    }

    #[tokio::test]
    async fn the_page_holds_no_data_and_shows_none_to_whoever_may_not() {
        let address = serve(api().authorize(|_, _| async { Verdict::Unauthenticated }).router()).await;
        assert_eq!(get(&address, "/console").await.status, 200);
        assert_eq!(get(&address, "/runs").await.status, 401);
    }
}
