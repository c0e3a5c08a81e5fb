//! The call that the current code runs in: ambient, so that components need no context parameter.

use std::sync::Arc;

use super::node::Node;

tokio::task_local! {
    static NODE: Arc<Node>;
}

/// The current call, if the current code runs in one.
pub(crate) fn current() -> Option<Arc<Node>> {
    with(Arc::clone)
}

pub(crate) fn with<R>(f: impl FnOnce(&Arc<Node>) -> R) -> Option<R> {
    NODE.try_with(f).ok()
}

/// Runs `f` inside a call.
pub(crate) fn enter<R>(node: &Arc<Node>, f: impl FnOnce() -> R) -> R {
    NODE.sync_scope(Arc::clone(node), f)
}

/// Polls a future inside a call.
pub(crate) fn within<F: Future>(node: Arc<Node>, future: F) -> impl Future<Output = F::Output> {
    NODE.scope(node, future)
}
