use gensx::component;

#[component(cache(ttl = "1h", key = (topic, token)))]
async fn research(topic: String, #[secret] token: String) -> gensx::Result<usize> {
    Ok(topic.len() + token.len())
}

fn main() {}
