//! The AI SDK's chats, as their users have them, against a real server: `useChat`'s own chat in three versions, and two
//! transports that resume. No model is asked: a workflow talks by itself.

mod api;
mod chats;
mod clients;
mod cutter;
mod routes;
