//! The table of the README's section on performance: `cargo bench --bench figures`. Names of figures as arguments
//! choose some of them.
//!
//! Each figure is a ratio to a baseline of the same run, or a number that does not depend on the machine's load, and
//! the median of several rounds.
#![allow(missing_docs, unreachable_pub)]

mod call;
mod chain;
mod follow;
mod http;
mod idle;
mod measure;
mod peers;
mod redis;
mod resume;

use measure::Row;

type Figure = (&'static str, fn() -> Vec<Row>);

const FIGURES: [Figure; 17] = [
    ("overhead", call::overhead),
    ("scale", call::scale),
    ("chain", chain::strict),
    ("resume", resume::resume),
    ("idle", idle::idle),
    ("follow", follow::delay),
    ("redis-chain", redis::strict),
    ("redis-bulk", redis::bulk),
    ("redis-text", redis::text),
    ("redis-resume", redis::resume),
    ("redis-readers", redis::readers),
    ("redis-memory", redis::memory),
    ("fleet", redis::fleet),
    ("http-fan-out", http::fan_out),
    ("http-load", http::load::load),
    ("http-page", http::page),
    ("peers", peers::peers),
];

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, store] = &arguments[..]
        && flag == idle::CHILD
    {
        return idle::child(store);
    }
    if let [flag, what] = &arguments[..]
        && flag == http::load::CHILD
    {
        return http::load::child(what);
    }
    if let [flag, task] = &arguments[..]
        && flag == http::readers::CHILD
    {
        return http::readers::child(task);
    }
    // `cargo bench` says so to every bench.
    arguments.retain(|argument| argument != "--bench");
    println!("{}", Row::HEADER);
    for (name, figure) in FIGURES {
        if arguments.is_empty() || arguments.iter().any(|wanted| wanted == name) {
            figure().iter().for_each(|row| println!("{row}"));
        }
    }
}
