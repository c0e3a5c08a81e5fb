use gensx::component;

#[component]
#[skip]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}
