//! The router and its options.

use std::{future::Future, ops::Deref, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, Method, header, request::Parts},
    middleware,
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{
    access::{Access, Ask, ReadTokens, Verdict},
    durable::Limits,
    genx,
    options::Options,
    origin,
    plane::Plane,
    problem::Problem,
    protocol::Protocol,
    readers::Readers,
    runs, ui,
    workflows::{self, Catalogue, Described},
};

/// The API plane over a fleet's client, or an application's runtime, with every option as it is by default. See [`Api`].
pub fn router(plane: impl Into<Plane>) -> Router {
    Api::new(plane).router()
}

/// The API plane's options.
///
/// ```
/// use std::time::Duration;
/// use gensx_core::{Backend, Client};
/// use gensx_http::{Action, Api, Described, Verdict};
///
/// let api = Api::new(Client::new(Backend::in_memory()))
///     .workflow(Described::new("blog").about("Writes an article"))
///     .authorize(|request, ask| {
///         let known = request.headers.contains_key("authorization");
///         let reads = ask.action == Action::Read;
///         async move { if known || reads { Verdict::Allow } else { Verdict::Unauthenticated } }
///     })
///     .origin("https://app.example.com")
///     .heartbeat(Duration::from_secs(10));
/// let app = axum::Router::<()>::new().nest("/api", api.router());
/// ```
#[derive(Clone, Debug)]
#[must_use = "it serves nothing before `router`"]
pub struct Api {
    plane: Plane,
    access: Access,
    catalogue: Catalogue,
    options: Options,
}

impl Api {
    /// The API plane of a fleet, through its [`Client`](gensx_core::Client), or of the [`Runtime`](gensx_core::Runtime) of this
    /// process, whose registered workflows may be started.
    pub fn new(plane: impl Into<Plane>) -> Self {
        let plane = plane.into();
        let mut catalogue = Catalogue::default();
        plane.workflows().into_iter().for_each(|name| catalogue.add_name(name));
        Self { plane, access: Access::default(), catalogue, options: Options::default() }
    }

    /// Describes a workflow: what it takes is checked before anything is started. As soon as one is described, those that are
    /// not cannot be started. Default: none, and a fleet's client starts whatever it is asked for.
    pub fn workflow(mut self, described: Described) -> Self {
        self.catalogue.add(described);
        self
    }

    /// Who may do what: `hook` is asked about every request. Unknown runs and those that it denies are answered alike.
    /// Default: everybody may do everything.
    pub fn authorize<F, A>(mut self, hook: F) -> Self
    where
        F: Fn(&Parts, Ask) -> A + Send + Sync + 'static,
        A: Future<Output = Verdict> + Send + 'static,
    {
        self.access.set_hook(hook);
        self
    }

    /// Lets whoever bears a token of these read the run that it names, without the hook being asked. Default: none.
    pub fn read_tokens(mut self, tokens: ReadTokens) -> Self {
        self.access.set_tokens(tokens);
        self
    }

    /// Lets pages of this origin, such as `https://app.example.com`, use the API from a browser; `*` lets any. Default: only
    /// pages of the API's own origin.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.options.origins.push(origin.into());
        self
    }

    /// The largest body that is taken, in bytes. Default [`DEFAULT_BODY_BYTES`](crate::DEFAULT_BODY_BYTES).
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.options.body_bytes = bytes;
        self
    }

    /// How long a request's body may take to come. Default [`DEFAULT_BODY_TIME`](crate::DEFAULT_BODY_TIME).
    pub fn body_time(mut self, time: Duration) -> Self {
        self.options.body_time = time;
        self
    }

    /// The most events of a page. Default [`DEFAULT_PAGE_EVENTS`](crate::DEFAULT_PAGE_EVENTS).
    pub fn page_events(mut self, events: usize) -> Self {
        self.options.page_events = events;
        self
    }

    /// After how long without an event an open stream gets a comment. Default
    /// [`DEFAULT_HEARTBEAT`](crate::DEFAULT_HEARTBEAT).
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.options.heartbeat = time;
        self
    }

    /// How long a long-poll waits. Default [`DEFAULT_LONG_POLL`](crate::DEFAULT_LONG_POLL).
    pub fn long_poll(mut self, time: Duration) -> Self {
        self.options.long_poll = time;
        self
    }

    /// The most streams, long-polls and waits for outputs that are open at once in this process; whoever comes then is
    /// answered 503. Default [`DEFAULT_MAX_READERS`](crate::DEFAULT_MAX_READERS).
    pub fn max_readers(mut self, readers: usize) -> Self {
        self.options.max_readers = readers;
        self
    }

    /// After how long an open stream of events is ended, for its reader to come back: so that callers are asked again who
    /// they are. Default: never.
    pub fn max_stream_age(mut self, age: Duration) -> Self {
        self.options.max_stream_age = Some(age);
        self
    }

    /// How long a start that waits for its output waits before the caller is told to come back for it. Default 10 minutes.
    pub fn output_wait(mut self, time: Duration) -> Self {
        self.options.output_wait = time;
        self
    }

    /// Whether a protocol is spoken: its routes are there, and answers in its form. Default: each is.
    pub fn protocol(mut self, protocol: Protocol, spoken: bool) -> Self {
        if spoken {
            self.options.silent.remove(&protocol);
        } else {
            self.options.silent.insert(protocol);
        }
        self
    }

    /// The router. It has a fallback of its own: nest it under a path, or merge it into a router that has none.
    pub fn router(self) -> Router {
        let Self { plane, access, catalogue, options } = self;
        let readers = Readers::new(options.max_readers);
        let (origins, body_bytes) = (options.origins.clone(), options.body_bytes);
        let shared = Shared(Arc::new(State { plane, access, catalogue, options, readers }));
        let mut routes = Router::new().merge(runs::routes()).merge(workflows::routes());
        if shared.options.speaks(Protocol::GenSx) {
            routes = routes.merge(genx::routes());
        }
        if shared.options.speaks(Protocol::AiSdk) {
            routes = routes.merge(ui::routes());
        }
        #[cfg(feature = "console")]
        let routes = routes.merge(crate::console::routes());
        let routes = routes
            .fallback(no_route)
            .layer(middleware::from_fn_with_state(shared.clone(), origin::refuse_other_sites))
            .layer(DefaultBodyLimit::max(body_bytes))
            .layer(origin::compression())
            .layer(cors(&origins))
            .layer(middleware::map_response(origin::harden))
            .with_state(shared);
        // A router is taken apart for each connection, route by route with the layers around each. This one is shared.
        Router::new().fallback_service(routes)
    }
}

async fn no_route() -> Problem {
    Problem::not_found("there is nothing at this path")
}

/// What every handler shares. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<State>);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) plane: Plane,
    pub(crate) access: Access,
    pub(crate) catalogue: Catalogue,
    pub(crate) options: Options,
    pub(crate) readers: Readers,
}

impl Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Options {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            page: self.page_events,
            long_poll: self.long_poll,
            heartbeat: self.heartbeat,
            max_age: self.max_stream_age,
        }
    }
}

/// What pages of other origins may send and see.
pub(crate) fn cors(origins: &[String]) -> CorsLayer {
    let origin = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let request = ["last-event-id", "idempotency-key"].map(HeaderName::from_static);
    let request = [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, header::IF_NONE_MATCH]
        .into_iter()
        .chain(request);
    let response = [
        "stream-next-offset",
        "stream-cursor",
        "stream-up-to-date",
        "stream-closed",
        "x-execution-id",
        "x-workflow-run-id",
        "x-workflow-stream-tail-index",
    ];
    let response = response.map(HeaderName::from_static).into_iter().chain([
        header::ETAG,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::LOCATION,
        header::RETRY_AFTER,
        header::VARY,
    ]);
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        .allow_headers(request.collect::<Vec<_>>())
        .expose_headers(response.collect::<Vec<_>>())
}
