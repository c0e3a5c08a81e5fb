use gensx::component;

#[component(name = " research")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
