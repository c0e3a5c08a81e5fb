use gensx::component;

#[component(timeout = "99999999999999999999s")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
