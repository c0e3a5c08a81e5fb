use gensx::component;

struct Refused;

#[component]
async fn research(topic: String) -> Result<String, Refused> {
    if topic.is_empty() { Err(Refused) } else { Ok(topic) }
}

fn main() {}
