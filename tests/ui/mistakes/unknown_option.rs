use gensx::component;

#[component(time_out = "30s")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
