//! The API plane: runs, the page, and what the product adds.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::{Json, Router, middleware, routing::get};
use gensx::Client;
use gensx::http::Api;
use tokio::sync::watch;

use super::status::Status;
use super::supervise::supervise;
use super::{App, Asset, SHARED_PAGE, store};

/// The variable that says where to listen.
const ADDRESS_VARIABLE: &str = "ADDRESS";
/// How long requests may go on after the end was asked for. Open streams never end by themselves, and their readers come
/// back.
const GRACE: Duration = Duration::from_millis(500);

/// Nothing but this server's own files, no inline script or style, no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves until a signal, with a worker beside it.
///
/// # Errors
/// When the store does not open, the address cannot be had, or the worker cannot be started.
pub(super) async fn serve(app: &App) -> anyhow::Result<()> {
    let address = std::env::var(ADDRESS_VARIABLE).unwrap_or_else(|_| app.address.to_owned());
    let address: SocketAddr =
        address.parse().with_context(|| format!("{ADDRESS_VARIABLE}=`{address}`: give HOST:PORT"))?;
    let backend = store::open(app.name).await?;
    let status = Status::default();
    let api = Api::new(Client::new(backend.clone())).workflow((app.described)());
    let router = Router::new()
        .nest("/api", api.router())
        .merge(page(app.page.iter().chain(SHARED_PAGE)))
        .merge((app.routes)(backend)?)
        .route("/worker", worker(status.clone()))
        .layer(middleware::map_response(harden));

    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen at {address}"))?;
    println!("http://{}", listener.local_addr()?);
    let (stop, stopped) = watch::channel(false);
    let told = |mut stopped: watch::Receiver<bool>| async move {
        // An error means that nobody can say it any more.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(told(stopped.clone())).into_future();
    let grace = {
        let stopped = told(stopped.clone());
        async move {
            stopped.await;
            tokio::time::sleep(GRACE).await;
        }
    };
    let serving = async {
        tokio::select! {
            served = server => served.map_err(anyhow::Error::from),
            () = grace => Ok(()),
        }
    };
    let signal = async {
        gensx::shutdown_signal().await;
        // Nobody listens only if both have ended.
        let _ = stop.send(true);
        anyhow::Ok(())
    };
    tokio::try_join!(serving, supervise(status, stopped), signal)?;
    Ok(())
}

fn page<'a>(assets: impl Iterator<Item = &'a Asset>) -> Router {
    assets.fold(Router::new(), |router, asset| {
        let (media_type, text) = (asset.media_type, asset.text);
        // A page that was loaded before an update must not mix with files from after it.
        let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache")];
        router.route(asset.path, get(move || async move { (headers, text) }))
    })
}

fn worker(status: Status) -> axum::routing::MethodRouter {
    get(move || async move { ([(header::CACHE_CONTROL, "no-store")], Json(status.known())) })
}

async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    response
}
