//! Micro-benches of what every call and every event goes through: `cargo bench --bench calls`.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gensx::{Durability, Event, EventId, MemorySink, Runtime, component, sink::Payload};

const CALLS: u32 = 1_000;
const STARTED: &str = r#"{"v":1,"type":"component.started","time":1767225600000,"call":"00112233445566778899aabbccddeeff","attempt":1,"parent":"ffeeddccbbaa99887766554433221100","name":"research","version":2,"fingerprint":"0123456789abcdef0123456789abcdef","input":{"topic":"tides"}}"#;
const ENDED: &str = r#"{"v":1,"type":"component.ended","time":1767225600250,"call":"00112233445566778899aabbccddeeff","attempt":1,"status":"succeeded","output":["a finding","another one"],"output_type":"alloc::vec::Vec<alloc::string::String>"}"#;

async fn plain(n: u32) -> gensx::Result<u32> {
    Ok(black_box(n) + 1)
}

#[component]
async fn step(n: u32) -> gensx::Result<u32> {
    plain(n).await
}

#[component]
async fn steps(count: u32) -> gensx::Result<u32> {
    let mut sum = 0_u32;
    for n in 0..count {
        sum = sum.wrapping_add(step(n).await?);
    }
    Ok(sum)
}

fn calls(c: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut group = c.benchmark_group("call");
    group.throughput(Throughput::Elements(u64::from(CALLS)));
    for (name, durability) in [("pipelined", Durability::Pipelined), ("strict", Durability::Strict)] {
        group.bench_function(name, |bencher| {
            bencher.to_async(&tokio).iter(|| async {
                let runtime = Runtime::builder().sink(MemorySink::new()).durability(durability).build();
                runtime.run(&steps, CALLS).await.unwrap()
            });
        });
    }
    group.bench_function("outside a run", |bencher| {
        bencher.to_async(&tokio).iter(|| async {
            for n in 0..CALLS {
                black_box(step(n).await.unwrap());
            }
        });
    });
    group.finish();
}

fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("event");
    for (name, json) in [("started", STARTED), ("ended", ENDED)] {
        let payload: Payload = json.as_bytes().into();
        let id = EventId::new(1, 1);
        group.bench_function(format!("decode {name}"), |bencher| {
            bencher.iter(|| Event::decode(id, black_box(&payload)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, calls, events);
criterion_main!(benches);
