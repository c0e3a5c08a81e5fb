//! An API whose process can be killed, as far as its connections can tell.

use std::{net::SocketAddr, time::Duration};

use gensx::Runtime;
use tokio::net::TcpListener;

/// Fewer events on a page than a run has, so that history comes in many.
const PAGE_EVENTS: usize = 25;
const LONG_POLL: Duration = Duration::from_secs(2);

pub(crate) struct Api {
    plane: Runtime,
    address: SocketAddr,
    /// Whose tasks are its connections: they end with it.
    process: Option<tokio::runtime::Runtime>,
}

impl Api {
    pub(crate) async fn start(plane: Runtime) -> Self {
        let mut api = Self { plane, address: ([127, 0, 0, 1], 0).into(), process: None };
        api.serve().await;
        api
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts every connection of it, wherever it is, and listens at the same port again.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.kill();
        self.serve().await;
    }

    fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.shutdown_background();
        }
    }

    async fn serve(&mut self) {
        let process =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let api = gensx::http::Api::new(self.plane.clone()).page_events(PAGE_EVENTS).long_poll(LONG_POLL);
        let address = self.address;
        let serving = process.spawn(async move {
            let listener = loop {
                // Its port is free when the one before has ended.
                match TcpListener::bind(address).await {
                    Ok(listener) => break listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            };
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { axum::serve(listener, api.router()).await });
            address
        });
        self.address =
            tokio::time::timeout(Duration::from_secs(20), serving).await.expect("the port is free").unwrap();
        self.process = Some(process);
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.kill();
    }
}
