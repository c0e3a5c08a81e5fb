use gensx::component;

fn is_temporary(_: gensx::Error) -> bool {
    true
}

#[component(retry(max_attempts = 2, when = is_temporary))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
