//! What a stream holds, or what comes to its end within a while.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use futures_util::StreamExt as _;

use super::{
    catch_up::body,
    cursor,
    headers::{NO_STORE, Place, set},
    serve::{Live, first},
    store::{Chunk, Stat},
};
use crate::{clock::within, problem::Answer};

pub(super) async fn answer(live: Live) -> Answer {
    let Live { mut chunks, stat, ask, limits, seat: _seat } = live;
    let mut chunk = first(&mut chunks, &stat).await?;
    if chunk.messages.is_empty()
        && !chunk.closed
        && let Some(Some(next)) = within(limits.long_poll, chunks.next()).await
    {
        chunk = next?;
    }
    Ok(response(&stat, &chunk, ask.cursor.as_deref()))
}

fn response(stat: &Stat, chunk: &Chunk, sent: Option<&str>) -> axum::response::Response {
    let cursor = Some(cursor::now(sent));
    let mut headers =
        Place { next: &chunk.next, up_to_date: chunk.reaches(&stat.tail), closed: chunk.closed, cursor }
            .headers();
    headers.extend([NO_STORE]);
    if chunk.messages.is_empty() {
        return (StatusCode::NO_CONTENT, headers).into_response();
    }
    set(&mut headers, header::CONTENT_TYPE, &stat.content_type);
    (StatusCode::OK, headers, Body::from(body(&stat.content_type, &chunk.messages))).into_response()
}
