use gensx::component;

#[component]
async fn research(topic: String) -> Option<String> {
    Some(topic)
}

fn main() {}
