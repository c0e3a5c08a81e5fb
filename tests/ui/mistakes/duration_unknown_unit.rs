use gensx::component;

#[component(timeout = "3 fortnights")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
