use gensx::component;

#[component]
async fn research(topic: &str) -> gensx::Result<String> {
    Ok(topic.to_owned())
}

fn start(call: impl Future + Send + 'static) {
    drop(call);
}

fn misuse() {
    let topic = String::new();
    start(research(&topic));
}

fn main() {}
