//! The protocol over HTTP, reading and writing.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware,
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::{
    ask,
    store::{Appended, Created, WritableStore, WriteError},
};
use crate::{
    api::cors,
    body,
    durable::{
        Limits, Offset, Reading, StoreError,
        content::is_same_type,
        headers::{CLOSED, NEXT_OFFSET, TRUE, set},
        serve,
    },
    options::{
        DEFAULT_BODY_TIME, DEFAULT_HEARTBEAT, DEFAULT_LONG_POLL, DEFAULT_MAX_READERS, DEFAULT_PAGE_EVENTS,
    },
    origin,
    problem::{Answer, Problem},
    readers::Readers,
};

/// The largest append, in bytes: 16 MiB.
const MAX_APPEND_BYTES: usize = 16 * 1024 * 1024;

/// A store's streams at `/v1/stream/{name}`: `GET` and `HEAD` read them, `PUT` creates, `POST` appends and closes, `DELETE`
/// removes. Everybody may do everything, from any page: it is for tests, and for behind something that decides who may.
///
/// ```
/// use std::time::Duration;
///
/// use gensx_http::durable::{MemoryStreams, WritableRouter};
///
/// let streams = WritableRouter::new(MemoryStreams::new()).long_poll(Duration::from_secs(5));
/// let app = axum::Router::<()>::new().merge(streams.router());
/// ```
#[derive(Debug)]
#[must_use = "it serves nothing before `router`"]
pub struct WritableRouter<S> {
    store: Arc<S>,
    limits: Limits,
}

impl<S: WritableStore> WritableRouter<S> {
    /// The streams of a store.
    pub fn new(store: S) -> Self {
        let limits = Limits {
            page: DEFAULT_PAGE_EVENTS,
            long_poll: DEFAULT_LONG_POLL,
            heartbeat: DEFAULT_HEARTBEAT,
            max_age: None,
        };
        Self { store: Arc::new(store), limits }
    }

    /// How long a long-poll waits. Default [`DEFAULT_LONG_POLL`](crate::DEFAULT_LONG_POLL).
    pub fn long_poll(mut self, time: Duration) -> Self {
        self.limits.long_poll = time;
        self
    }

    /// The most messages of a page. Default [`DEFAULT_PAGE_EVENTS`](crate::DEFAULT_PAGE_EVENTS).
    pub fn page_messages(mut self, messages: usize) -> Self {
        self.limits.page = messages;
        self
    }

    /// The router.
    pub fn router(self) -> Router {
        let Self { store, limits } = self;
        let served = Arc::new(Served { store, limits, readers: Readers::new(DEFAULT_MAX_READERS) });
        let streams = get(read::<S>).put(create::<S>).post(append::<S>).delete(delete::<S>);
        Router::new()
            .route("/v1/stream/{*name}", streams)
            .layer(DefaultBodyLimit::max(MAX_APPEND_BYTES))
            .layer(cors(&["*".to_owned()]).allow_methods(METHODS))
            .layer(middleware::map_response(origin::harden))
            .with_state(served)
    }
}

const METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];

#[derive(Debug)]
struct Served<S> {
    store: Arc<S>,
    limits: Limits,
    readers: Readers,
}

type Shared<S> = State<Arc<Served<S>>>;

async fn read<S: WritableStore>(State(served): Shared<S>, Path(name): Path<String>, parts: Parts) -> Answer {
    let request = Reading {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        limits: served.limits,
        readers: &served.readers,
    };
    serve(&served.store, &name, request).await
}

async fn create<S: WritableStore>(
    State(served): Shared<S>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let body = body::read(request, DEFAULT_BODY_TIME).await?;
    let create = ask::create(&headers, body).map_err(Problem::bad_request)?;
    let content_type = create.content_type.clone();
    let Created { existed, tail, closed } = match served.store.create(&name, create).await {
        Ok(created) => created,
        Err(error) => return refuse(error),
    };
    let mut answer = place(&tail, closed);
    set(&mut answer, header::CONTENT_TYPE, &content_type);
    if existed {
        return Ok((StatusCode::OK, answer).into_response());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let location = host.map_or_else(|| uri.path().to_owned(), |host| format!("http://{host}{}", uri.path()));
    set(&mut answer, header::LOCATION, &location);
    Ok((StatusCode::CREATED, answer).into_response())
}

async fn append<S: WritableStore>(
    State(served): Shared<S>,
    Path(name): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let body = body::read(request, DEFAULT_BODY_TIME).await?;
    let append = match ask::append(&headers, body) {
        Ok(append) => append,
        Err(text) => return unread(&*served.store, &name, &headers, text).await,
    };
    let Appended { tail, closed, last, duplicate } = match served.store.append(&name, append.clone()).await {
        Ok(appended) => appended,
        Err(error) => return refuse(error),
    };
    let mut answer = place(&tail, closed);
    if let Some(last) = &last {
        set(&mut answer, PRODUCER_EPOCH, &last.epoch.to_string());
        set(&mut answer, PRODUCER_SEQ, &last.seq.to_string());
    }
    let is_new = last.is_some() && !duplicate && !append.messages.is_empty();
    Ok((if is_new { StatusCode::OK } else { StatusCode::NO_CONTENT }, answer).into_response())
}

async fn delete<S: WritableStore>(State(served): Shared<S>, Path(name): Path<String>) -> Answer {
    match served.store.delete(&name).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => refuse(error),
    }
}

/// An append that cannot be read is refused for what the stream is first: another type's words need not make sense.
async fn unread<S: WritableStore>(store: &S, name: &str, headers: &HeaderMap, text: String) -> Answer {
    let stat = store.stat(name).await?;
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok());
    if given.is_some_and(|given| !is_same_type(given, &stat.content_type)) {
        return refuse(WriteError::OtherType);
    }
    Err(Problem::bad_request(text))
}

const PRODUCER_EPOCH: HeaderName = HeaderName::from_static("producer-epoch");
const PRODUCER_SEQ: HeaderName = HeaderName::from_static("producer-seq");
const EXPECTED_SEQ: HeaderName = HeaderName::from_static("producer-expected-seq");
const RECEIVED_SEQ: HeaderName = HeaderName::from_static("producer-received-seq");

fn place(tail: &Offset, closed: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, NEXT_OFFSET, tail.as_str());
    if closed {
        headers.insert(CLOSED, TRUE);
    }
    headers
}

fn refuse(error: WriteError) -> Answer {
    let conflict = |code, text: &str| Problem::new(StatusCode::CONFLICT, code, text);
    let mut headers = HeaderMap::new();
    let problem = match error {
        WriteError::Store(error) => StoreError::into(error),
        WriteError::Exists => conflict("exists", "there is a stream of that name, with other settings"),
        WriteError::Closed(tail) => {
            headers = place(&tail, true);
            conflict("closed", "the stream is closed")
        }
        WriteError::OtherType => conflict("other_type", "the content is not of the stream's type"),
        WriteError::OutOfOrder => conflict("out_of_order", "`stream-seq` does not sort behind the last one"),
        WriteError::StaleEpoch(epoch) => {
            headers.insert(PRODUCER_EPOCH, HeaderValue::from(epoch));
            Problem::new(StatusCode::FORBIDDEN, "stale_epoch", "a later epoch of the producer has written")
        }
        WriteError::EpochBeginsLate => Problem::bad_request("a new epoch begins with `producer-seq` 0"),
        WriteError::Gap { expected, received } => {
            headers.insert(EXPECTED_SEQ, HeaderValue::from(expected));
            headers.insert(RECEIVED_SEQ, HeaderValue::from(received));
            conflict("gap", "appends of the producer are missing")
        }
        WriteError::Full(text) => Problem::new(StatusCode::INSUFFICIENT_STORAGE, "full", text),
    };
    let mut response: Response = problem.into_response();
    response.headers_mut().extend(headers);
    Ok(response)
}
