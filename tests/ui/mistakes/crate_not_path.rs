use gensx::component;

#[component(crate = "gensx")]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
