//! Durable, resumable AI workflows as an embeddable SDK.
