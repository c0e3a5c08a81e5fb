use gensx::component;

struct Search;

impl Search {
    #[component(cache(ttl = "1h"))]
    async fn research(&self, topic: String) -> gensx::Result<String> {
        Ok(topic)
    }
}

fn main() {}
