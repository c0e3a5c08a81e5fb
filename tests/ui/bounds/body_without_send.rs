use std::rc::Rc;

use gensx::component;

#[component]
async fn research(topic: String) -> gensx::Result<usize> {
    let shared = Rc::new(topic);
    std::future::ready(()).await;
    Ok(shared.len())
}

fn main() {}
